"""Memory that training takes."""

from tf_emcom.benchmarks import fresh
from tf_emcom.benchmarks.conditions import Conditions
from tf_emcom.benchmarks.measurement import Measurement
from tf_emcom.benchmarks.table import Table

_STEPS = 3


class PeakMemory(Measurement):
    """The most memory that training takes, each configuration in a fresh process."""

    def __init__(
        self, games: tuple[str, ...] = ("lg_s", "lg_rl", "nlg"), batch_sizes: tuple[int, ...] = (64, 1024)
    ) -> None:
        self._games, self._batch_sizes = games, batch_sizes

    def measure(self, conditions: Conditions) -> Table:
        """One row a game and batch size."""
        rows = []
        for game in self._games:
            for size in self._batch_sizes:
                told = fresh.start(game, [*conditions.bindings, f"batch_size={size}"], _STEPS)
                rows.append(
                    {
                        "game": game,
                        "batch": size,
                        "peak MiB": told.peak_memory,
                        "libraries MiB": told.imported_memory,
                        "steps MiB": told.peak_memory - told.built_memory,
                        "GPU MiB": told.device_memory,
                    }
                )
        numbers = {
            "peak MiB": f"the most resident memory of the process over {_STEPS} steps, examples (4,096) included",
            "libraries MiB": "of it, there as soon as all libraries are imported",
            "steps MiB": "of it, what tracing, compiling and stepping add to agents and examples",
            "GPU MiB": "the most on the first GPU, where there is one",
        }
        return Table("Memory", ("game", "batch"), numbers, rows, ("peak MiB", "steps MiB", "GPU MiB"))
