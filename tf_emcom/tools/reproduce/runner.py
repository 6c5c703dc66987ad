"""Making the runs of a grid, several at a time."""

import concurrent.futures
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tf_emcom import files
from tf_emcom.errors import UserError, require_integer
from tf_emcom.tools.reproduce.grid import Cell

_COMMANDS = Path(__file__).parents[3] / "bin"
_FINISHED = "finished.json"
_LOCK = ".lock"


class Runner:
    """Makes cells in processes of their own; finished ones are skipped."""

    def __init__(self, runs: str, jobs: int) -> None:
        """`runs` is the folder of all runs, on the local disk; `jobs` how many are made at a time."""
        require_integer("--jobs", jobs, 1, "it counts the runs that are made at a time")
        self.runs = Path(runs)
        self.jobs = jobs
        self._running: set[subprocess.Popen] = set()
        self._stopped = False

    def make(self, cells: Sequence[Cell]) -> dict[str, str]:
        """Makes every cell that is not finished, after waiting for runs that a killed process has left running.

        Returns:
          What went wrong: cell name → the command's sentence.
        """
        with files.file_errors(str(self.runs)):
            self.runs.mkdir(parents=True, exist_ok=True)
        busy = f"Runs in {self.runs} are still being made, by processes that outlived a stopped one; waiting for them."
        with files.lock(str(self.runs / _LOCK), busy, wait=True) as lock:
            return self._make_all(cells, lock)

    def _make_all(self, cells: Sequence[Cell], lock: IO[str]) -> dict[str, str]:
        waiting = [cell for cell in cells if not self.is_finished(cell)]
        if len(waiting) < len(cells):
            print(f"{len(cells) - len(waiting)} of {len(cells)} runs are finished already.", flush=True)
        failed: dict[str, str] = {}
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            futures = {pool.submit(self._make, cell, lock): cell for cell in waiting}
            try:
                for done, future in enumerate(concurrent.futures.as_completed(futures), start=1):
                    cell, sentence = futures[future], future.result()
                    if sentence:
                        failed[cell.name] = sentence
                    left = (time.monotonic() - begin) / done * (len(waiting) - done) / 60
                    outcome = f"failed: {sentence}" if sentence else "finished"
                    print(f"[{done} of {len(waiting)}] {cell.name} {outcome}; about {left:.0f} min left", flush=True)
            except BaseException:
                # Stopping the grid stops its runs; they resume from their last checkpoints.
                self._stopped = True
                pool.shutdown(wait=False, cancel_futures=True)
                for process in list(self._running):
                    process.terminate()
                raise
        return failed

    def is_finished(self, cell: Cell) -> bool:
        """Whether it was made by exactly these commands."""
        marker = self.runs / cell.name / _FINISHED
        return marker.is_file() and files.read_bytes(str(marker), "remove it") == _marker(cell).encode()

    def _make(self, cell: Cell, lock: IO[str]) -> str:
        """Runs the commands, which hold the lock while they run; returns what went wrong, or an empty text."""
        try:
            with files.file_errors(str(self.runs / cell.name)):
                return self._run(cell, lock)
        except UserError as error:
            return str(error)

    def _run(self, cell: Cell, lock: IO[str]) -> str:
        log = self.runs / f"{cell.name}.log"
        with log.open("a") as output:
            for command, *arguments in cell.commands:
                process = subprocess.Popen(
                    [sys.executable, str(_COMMANDS / command), *arguments],
                    cwd=_COMMANDS.parent,
                    env={**os.environ, **self._threads()},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=(lock.fileno(),),
                )
                self._running.add(process)
                status = process.wait()
                self._running.discard(process)
                if status or self._stopped:
                    reason = f"ended by signal {-status}" if status < 0 else _last_line(log)
                    return f"{reason} (all of it in {log})"
        files.write_whole(str(self.runs / cell.name / _FINISHED), _marker(cell))
        return ""

    def _threads(self) -> dict[str, str]:
        """The same share of the cores for each process: more threads than cores only wait."""
        if self.jobs == 1:
            return {}
        share = str(max(1, (os.cpu_count() or 1) // self.jobs))
        return {"TF_NUM_INTRAOP_THREADS": share, "TF_NUM_INTEROP_THREADS": share, "OMP_NUM_THREADS": share}


def _marker(cell: Cell) -> str:
    return json.dumps(cell.commands)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it printed nothing"
