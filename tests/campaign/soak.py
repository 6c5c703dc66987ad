"""One long training of a population, tested in turn by other processes: memory, open files and threads over time."""

import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from phases import POPULATION, TESTS, params, train

_EVERY = 5.0  # seconds between two looks
_WARM = 0.2  # the share of the time before memory is looked at: TensorFlow is still growing its pools


def soak(checkout: Path, minutes: float) -> dict[str, Any]:
    """Trains for so many minutes, and returns what was seen; SystemExit where the training ends by itself."""
    import numpy as np

    folder = Path(tempfile.mkdtemp(prefix="campaign-soak-"))
    environment = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "CAMPAIGN_LIBRARY")}
    bound = ("steps=100000000", "Log.every=50", "Checkpoint.every=100", "ImitationOfBest.every=10", "Train.keep=3")
    changes = "ResetOfPair.every=70", "TensorBoard.every=1000"
    command = train("lg_s_digits", folder, *POPULATION, *bound, *changes)
    test = ["evaluate", f"--workdir={folder}/run", "--mode=testchannel", "--mode=testlanguage", *params(*TESTS)]

    def start(arguments: list[str], output: str) -> subprocess.Popen:
        full = [sys.executable, str(checkout / "bin" / arguments[0]), *arguments[1:]]
        with (folder / output).open("a") as file:
            return subprocess.Popen(full, cwd=checkout, env=environment, stdout=file, stderr=subprocess.STDOUT)

    training = start(command, "training.txt")
    begin, rows, evaluation, endings = time.monotonic(), [], None, []
    try:
        while (seconds := time.monotonic() - begin) < 60 * minutes:
            if training.poll() is not None:
                said = (folder / "training.txt").read_text()[-600:]
                sys.exit(f"The training ended with {training.returncode}: {said}")
            rows.append((seconds, *_looked_at(training.pid)))
            if evaluation and evaluation.poll() is not None:
                endings.append(evaluation.returncode)
                evaluation = None
            if evaluation is None and list(folder.glob("run/checkpoints/*.index")):
                evaluation = start(test, "evaluations.txt")
            time.sleep(_EVERY)
    finally:
        training.send_signal(signal.SIGTERM)
        asked = time.monotonic()
        training.wait(timeout=600)
        stopped = time.monotonic() - asked
        if evaluation:
            evaluation.wait(timeout=600)
    warm = np.array([row for row in rows if row[0] >= _WARM * 60 * minutes])
    slope, half = _slope(warm[:, 0] / 3600, warm[:, 1])
    lines = (folder / "run" / "metrics.jsonl").read_text().splitlines()
    shutil.rmtree(folder)
    return {
        **{"kind": "soak", "minutes": minutes, "steps": 50 * len(lines), "looks": len(rows)},
        **{"megabytes_per_hour": round(slope, 2), "interval": [round(slope - half, 2), round(slope + half, 2)]},
        **{"megabytes": [float(warm[0, 1]), float(warm[-1, 1])], "open_files": _first_most_last(warm[:, 2])},
        **{"threads": _first_most_last(warm[:, 3])},
        **{"evaluations": len(endings), "evaluations_that_failed": sum(map(bool, endings))},
        **{"seconds_to_end": round(stopped, 1), "status": training.returncode, "rows": rows},
    }


def _first_most_last(numbers: Any) -> list[int]:
    return [int(numbers[0]), int(numbers.max()), int(numbers[-1])]


def _looked_at(pid: int) -> tuple[float, int, int]:
    """Resident megabytes, open files, threads."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    here = f"/proc/{pid}"
    return pages * os.sysconf("SC_PAGESIZE") / 1e6, len(os.listdir(f"{here}/fd")), len(os.listdir(f"{here}/task"))


def _slope(x: Any, y: Any) -> tuple[float, float]:
    """The least-squares slope and half of its 95 % interval; neighbouring looks are alike, and count less."""
    import numpy as np
    from scipy import stats

    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    rest = y - y.mean() - slope * x
    alike = float(np.corrcoef(rest[:-1], rest[1:])[0, 1]) if rest.std() > 0 else 0.0
    count = max(3.0, len(x) * (1 - max(alike, 0.0)) / (1 + max(alike, 0.0)))
    error = math.sqrt(float(rest @ rest) / len(x) * len(x) / (count - 2 + 1e-9) / float(x @ x))
    return slope, float(stats.t.ppf(0.975, max(1.0, count - 2))) * error


def table_of(found: dict[str, Any]) -> str:
    """A line a number."""
    return "\n".join(f"{name}: {value}" for name, value in found.items() if name not in ("rows", "kind"))
