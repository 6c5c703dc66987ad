"""Making the runs of a grid, several at a time."""

import concurrent.futures
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tf_emcom import files
from tf_emcom.errors import UserError, require_integer
from tf_emcom.tools.reproduce.grid import Cell

_START = [sys.executable, "-m", "tf_emcom"]
_SOURCE = str(Path(__file__).parents[3])
_FINISHED = "finished.json"
_PAUSE = 0.5  # seconds between two looks at a lock


class Runner:
    """Makes cells in processes of their own; finished ones are skipped.

    Several of these may make cells of the same folder at the same time, also after a kill: each cell has a lock, which
    its commands hold as long as they run.
    """

    def __init__(self, runs: str, jobs: int) -> None:
        """`runs` is the folder of all runs, on the local disk; `jobs` how many are made at a time."""
        require_integer("--jobs", jobs, 1, "it counts the runs that are made at a time")
        self.runs = Path(runs)
        self.jobs = jobs
        # The same share of the cores for each process: more threads than cores only wait.
        share = str(max(1, (os.cpu_count() or 1) // jobs))
        names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
        self._threads = dict.fromkeys(names, share) if jobs > 1 else {}
        self._running: set[subprocess.Popen] = set()
        self._stopped = False
        self._starting = threading.Lock()  # No run begins while the others are stopped, which would go on to its end.

    def make(self, cells: Sequence[Cell]) -> dict[str, str]:
        """Makes every cell that is not finished; for one that another process makes, it waits.

        Returns:
          What went wrong: cell name → the command's sentence.
        """
        with files.file_errors(str(self.runs)):
            self.runs.mkdir(parents=True, exist_ok=True)
        waiting = [cell for cell in cells if not self.is_finished(cell)]
        if len(waiting) < len(cells):
            print(f"{len(cells) - len(waiting)} of {len(cells)} runs are finished already.", flush=True)
        failed: dict[str, str] = {}
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            try:
                # Within `try`: an interruption while cells are submitted has to stop those that wait for a lock, too.
                futures = {pool.submit(self._make, cell): cell for cell in waiting}
                for done, future in enumerate(concurrent.futures.as_completed(futures), start=1):
                    cell, sentence = futures[future], future.result()
                    if sentence:
                        failed[cell.name] = sentence
                    left = (time.monotonic() - begin) / done * (len(waiting) - done) / 60
                    outcome = f"failed: {sentence}" if sentence else "finished"
                    print(f"[{done} of {len(waiting)}] {cell.name} {outcome}; about {left:.0f} min left", flush=True)
            except BaseException:
                # Stopping the grid stops its runs; they resume from their last checkpoints.
                with self._starting:
                    self._stopped = True
                    for process in list(self._running):
                        process.terminate()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return failed

    def is_finished(self, cell: Cell) -> bool:
        """Whether it was made by exactly these commands."""
        marker = self.runs / cell.name / _FINISHED
        return marker.is_file() and files.read_bytes(str(marker), "remove it") == _marker(cell).encode()

    def _make(self, cell: Cell) -> str:
        """Runs the commands of a cell that nobody else makes; returns what went wrong, or an empty text."""
        try:
            lock = self._locked(cell)
            if lock is None:
                return "stopped while another process was making it"
            with lock:
                return "" if self.is_finished(cell) else self._run(cell, lock)
        except UserError as error:
            return str(error)

    def _locked(self, cell: Cell) -> IO[str] | None:
        """The lock of a cell, after waiting for it; None where this grid is stopped before."""
        busy = f"{cell.name} in {self.runs} is still being made, by another process or one that outlived it; waiting."
        said = False
        while not self._stopped:
            try:
                return files.lock(str(self.runs / f"{cell.name}.lock"), busy)
            except UserError as error:
                if str(error) != busy:
                    raise
            if not said:
                print(busy, flush=True)
                said = True
            time.sleep(_PAUSE)
        return None

    def _run(self, cell: Cell, lock: IO[str]) -> str:
        """Runs the commands, which hold the lock while they run; returns as `_make`."""
        log = self.runs / f"{cell.name}.log"
        with files.file_errors(str(self.runs / cell.name)), log.open("a") as output:
            for command, *arguments in cell.commands:
                words = [*_START, command, *arguments]
                streams = {"stdout": output, "stderr": subprocess.STDOUT, "pass_fds": (lock.fileno(),)}
                # A checkout need not be installed.
                path = os.pathsep.join(filter(None, (_SOURCE, os.environ.get("PYTHONPATH"))))
                environment = {**os.environ, **self._threads, "PYTHONPATH": path}
                with self._starting:
                    if self._stopped:
                        return "stopped"
                    process = subprocess.Popen(words, env=environment, **streams)
                    self._running.add(process)
                status = process.wait()
                self._running.discard(process)
                if status or self._stopped:
                    said = log.read_text(errors="replace").strip().splitlines() or ["it printed nothing"]
                    return f"{f'ended by signal {-status}' if status < 0 else said[-1]} (all of it in {log})"
            files.write_whole(str(self.runs / cell.name / _FINISHED), _marker(cell))
        return ""


def _marker(cell: Cell) -> str:
    return json.dumps(cell.commands)
