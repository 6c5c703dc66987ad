"""A process of its own that starts up, trains a little and tells how long that took and how much memory.

The times of starting up count from before Python itself is started, so little is imported above.
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

_ROOT = Path(__file__).parents[2]
# The status of a process that found a mistake of the user, and has told it in its last line.
_MISTAKE = 2


class Fresh(NamedTuple):
    """What such a process tells; seconds since it was started, and MiB of resident memory."""

    imported: float  # when all libraries are there
    built: float  # when agents and data are
    first_step: float  # when the first step has been traced, compiled and done
    imported_memory: float  # when all libraries are there
    built_memory: float  # when agents and data are
    peak_memory: float  # the most until the last step
    device_memory: float | None  # the most on the GPU, where there is one


def start(game: str, bindings: Sequence[str], steps: int = 1, environment: Mapping[str, str] | None = None) -> Fresh:
    """Starts one, waits for it and returns what it tells.

    Args:
      game: as for `rehearsal.experiment_of`.
      bindings: gin's, as there.
      steps: how many are trained.
      environment: variables that are set besides this process's own.

    Raises:
      UserError: it found a mistake in the bindings.
      RuntimeError: it failed; with the last of what it said.
    """
    command = [sys.executable, "-m", __name__, repr(time.time()), game, str(steps), *bindings]
    # This module's folder first, wherever the command was started.
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    variables = {**os.environ, "PYTHONPATH": path, **(environment or {})}
    ran = subprocess.run(command, env=variables, capture_output=True, text=True)
    if ran.returncode == _MISTAKE:
        raise UserError(ran.stderr.splitlines()[-1])
    if ran.returncode:
        raise RuntimeError(f"A process that trained {game} with {', '.join(bindings)} failed: {ran.stderr[-2000:]}")
    return Fresh(**json.loads(ran.stdout.splitlines()[-1]))


def _rehearse(begun: float, game: str, steps: int, bindings: Sequence[str]) -> Fresh:
    import tensorflow as tf

    from tf_emcom.benchmarks.rehearsal import Rehearsal

    imported, imported_memory = time.time() - begun, _resident()
    run = Rehearsal(game, bindings)
    built, built_memory = time.time() - begun, _resident()
    run.advance(1)
    first_step = time.time() - begun
    if steps > 1:
        run.advance(steps - 1)
    gpus = tf.config.list_logical_devices("GPU")
    device = tf.config.experimental.get_memory_info(gpus[0].name)["peak"] / 2**20 if gpus else None
    return Fresh(imported, built, first_step, imported_memory, built_memory, _most_resident(), device)


def _resident() -> float:
    """MiB of this process that are in memory now."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        # Where there is no such file, the most so far is not far from it while memory only grows.
        return _most_resident()
    return pages * resource.getpagesize() / 2**20


def _most_resident() -> float:
    """MiB of this process that were in memory at most."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # Linux counts kibibytes, macOS bytes.
        return most / 2**20 if sys.platform == "darwin" else most / 2**10
    # Not what getrusage says: that begins with what the process had that started this one.
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 2**10


def _main(begun: str, game: str, steps: str, *bindings: str) -> None:
    try:
        print(json.dumps(_rehearse(float(begun), game, int(steps), bindings)._asdict()))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(_MISTAKE)


if __name__ == "__main__":
    _main(*sys.argv[1:])
