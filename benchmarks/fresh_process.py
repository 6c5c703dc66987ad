"""A new process that starts, trains a little, and reports how long that took and how much memory.

Its times count from before Python itself starts, so this module imports little.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tf_emcom.errors import UserError

_ROOT = Path(__file__).parents[1]
# The exit status after a user's mistake, which the last line of stderr describes.
_USER_ERROR = 2


class Costs(NamedTuple):
    """What the process reports: seconds since it was started, and MiB of resident memory."""

    imported: float  # when all libraries are imported
    built: float  # when agents and data are built
    first_step: float  # when the first step is traced, compiled and done
    imported_memory: float  # when all libraries are imported
    built_memory: float  # when agents and data are built
    peak_memory: float  # the most until the last step
    device_memory: float | None  # the most on the GPU, where there is one


def train_in_fresh_process(
    game: str, bindings: Sequence[str], steps: int = 1, environment: Mapping[str, str] | None = None
) -> Costs:
    """Starts a process, waits for it and returns what it reports.

    Args:
      game: as for `training_run.build_experiment`.
      bindings: gin's, as there.
      steps: how many are trained.
      environment: variables that are set besides this process's own.

    Raises:
      UserError: the bindings cannot be used.
      RuntimeError: the process failed; with the end of its stderr.
    """
    # -P: otherwise a folder `benchmarks` of the current directory would come first.
    command = [sys.executable, "-P", "-m", __name__, repr(time.time()), game, str(steps), *bindings]
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    variables = {**os.environ, "PYTHONPATH": path, **(environment or {})}
    ran = subprocess.run(command, env=variables, capture_output=True, text=True)
    if ran.returncode == _USER_ERROR:
        raise UserError(ran.stderr.splitlines()[-1])
    if ran.returncode:
        raise RuntimeError(f"A process that trained {game} with {', '.join(bindings)} failed: {ran.stderr[-2000:]}")
    return Costs(**json.loads(ran.stdout.splitlines()[-1]))


def resident_memory() -> float:
    """MiB of this process that are in memory now."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        # Without that file: close to the peak, as long as memory only grows.
        return peak_resident_memory()
    return pages * resource.getpagesize() / 2**20


def peak_resident_memory() -> float:
    """The most MiB of this process that were in memory so far."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # Linux counts kibibytes, macOS bytes.
        return most / 2**20 if sys.platform == "darwin" else most / 2**10
    # Where there is such a file, ru_maxrss would include the memory of the process that started this one.
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 2**10


def _train(begun: float, game: str, steps: int, bindings: Sequence[str]) -> Costs:
    import tensorflow as tf

    from benchmarks.training_run import TrainingRun

    imported, imported_memory = time.time() - begun, resident_memory()
    run = TrainingRun(game, bindings)
    built, built_memory = time.time() - begun, resident_memory()
    run.advance(1)
    first_step = time.time() - begun
    if steps > 1:
        run.advance(steps - 1)
    gpus = tf.config.list_logical_devices("GPU")
    device = tf.config.experimental.get_memory_info(gpus[0].name)["peak"] / 2**20 if gpus else None
    return Costs(imported, built, first_step, imported_memory, built_memory, peak_resident_memory(), device)


def _main(begun: str, game: str, steps: str, *bindings: str) -> None:
    try:
        print(json.dumps(_train(float(begun), game, int(steps), bindings)._asdict()))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(_USER_ERROR)


if __name__ == "__main__":
    _main(*sys.argv[1:])
