"""Time until the first step is done."""

import os
import tempfile
from typing import Any

from tf_emcom.benchmarks import fresh
from tf_emcom.benchmarks.conditions import Conditions
from tf_emcom.benchmarks.measurement import Measurement
from tf_emcom.benchmarks.table import Table

_XLA = ["OneDevice.jit_compile=True"]
# How a start is called ↦ bindings, and whether what XLA compiled is kept for the next one.
_WAYS: dict[str, tuple[list[str], bool]] = {
    "as configured": ([], False),
    "XLA": (_XLA, False),
    "XLA, with a cache": (_XLA, True),
}


class StartUp(Measurement):
    """Seconds from the start of a process to the end of its first step, compile included: first and second start.

    Each in a fresh process; with XLA also with TensorFlow's cache of compiled programs, which is empty at first.
    """

    def __init__(
        self, game: str = "lg_s", batch_size: int = 1024, starts: int = 2, ways: tuple[str, ...] = tuple(_WAYS)
    ) -> None:
        """`ways`: to compile, by their names in the table."""
        self._game, self._batch_size, self._starts, self._ways = game, batch_size, starts, ways

    def measure(self, conditions: Conditions) -> Table:
        """One row a way to compile and start."""
        rows = []
        with tempfile.TemporaryDirectory() as folder:
            for way in self._ways:
                more, cached = _WAYS[way]
                bindings = [*conditions.bindings, f"batch_size={self._batch_size}", *more]
                given = os.environ.get("TF_XLA_FLAGS", "")
                cache = f"{given} --tf_xla_persistent_cache_directory={folder}"
                environment = {"TF_XLA_FLAGS": cache} if cached else {}
                for start in range(1, self._starts + 1):
                    told = fresh.start(self._game, bindings, environment=environment)
                    rows.append({"compiled": way, "start": start, **_row(told)})
        numbers = {
            "seconds": f"from before Python starts to the end of the first step of {self._game} at batch"
            f" {self._batch_size}; one start each",
            "import": "of it, until Python and all libraries are there",
            "build": "of it, making agents and data",
            "first step": "of it, tracing, compiling and doing the first step",
        }
        return Table("Start-up", ("compiled", "start"), numbers, rows, ("seconds", "first step"))


def _row(told: fresh.Fresh) -> dict[str, Any]:
    return {
        "seconds": told.first_step,
        "import": told.imported,
        "build": told.built - told.imported,
        "first step": told.first_step - told.built,
    }
