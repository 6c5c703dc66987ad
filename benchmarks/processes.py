"""Time and memory of fresh processes, from their start to their first steps."""

import os
import tempfile
from collections.abc import Sequence

from benchmarks.fresh_process import train_in_fresh_process
from benchmarks.measurement import Conditions, Measurement, time_of
from benchmarks.report import Table
from benchmarks.training_run import SMALL

_XLA = ["OneDevice.jit_compile=True"]
# Name in the table ↦ bindings, and whether compiled programs are cached for the next start.
_WAYS: dict[str, tuple[list[str], bool]] = {
    "as configured": ([], False),
    "XLA": (_XLA, False),
    "XLA, with a cache": (_XLA, True),
}
_STEPS = 3


class StartUp(Measurement):
    """Start-up times as configured, with XLA, and with XLA and TensorFlow's cache of compiled programs, empty at first.

    Each start is a fresh process.
    """

    name = "start_up"
    description = (
        "Seconds from the start of a process to the end of its first step, compile included: first and second start."
    )

    def __init__(
        self, game: str = "lg_s", batch_size: int = 1024, starts: int = 2, ways: Sequence[str] = tuple(_WAYS)
    ) -> None:
        """`ways`: how the step is compiled, by the names in the table."""
        self._game, self._batch_size, self._starts, self._ways = game, batch_size, starts, ways

    def measure(self, conditions: Conditions) -> Table:
        """One row for each way to compile and each start."""
        rows = []
        with tempfile.TemporaryDirectory() as folder:
            for way in self._ways:
                more, cached = _WAYS[way]
                bindings = [*conditions.bindings, f"batch_size={self._batch_size}", *more]
                flags = f"{os.environ.get('TF_XLA_FLAGS', '')} --tf_xla_persistent_cache_directory={folder}"
                environment = {"TF_XLA_FLAGS": flags} if cached else {}
                for start in range(1, self._starts + 1):
                    costs = train_in_fresh_process(self._game, bindings, environment=environment)
                    rows.append(
                        {
                            "compiled": way,
                            "start": start,
                            "seconds": costs.first_step,
                            "import": costs.imported,
                            "build": costs.built - costs.imported,
                            "first step": costs.first_step - costs.built,
                        }
                    )
        numbers = {
            "seconds": f"from before Python starts to the end of the first step of {self._game} at batch"
            f" {self._batch_size}; one start each",
            "import": "of it, until Python has started and all libraries are imported",
            "build": "of it, building agents and data",
            "first step": "of it, tracing, compiling and doing the first step",
        }
        return Table("Start-up", ("compiled", "start"), numbers, rows, ("seconds", "first step"))


class PeakMemory(Measurement):
    """Memory of a few steps of training, by game and batch size."""

    name = "peak_memory"
    description = "The most memory that training takes, each configuration in a fresh process."

    def __init__(
        self, games: Sequence[str] = ("lg_s", "lg_rl", "nlg"), batch_sizes: Sequence[int] = (64, 1024)
    ) -> None:
        self._games, self._batch_sizes = games, batch_sizes

    def measure(self, conditions: Conditions) -> Table:
        """One row for each game and batch size."""
        rows = []
        for game in self._games:
            for size in self._batch_sizes:
                costs = train_in_fresh_process(game, [*conditions.bindings, f"batch_size={size}"], _STEPS)
                rows.append(
                    {
                        "game": game,
                        "batch": size,
                        "peak MiB": costs.peak_memory,
                        "libraries MiB": costs.imported_memory,
                        "steps MiB": costs.peak_memory - costs.built_memory,
                        "GPU MiB": costs.device_memory,
                    }
                )
        numbers = {
            "peak MiB": f"the most resident memory of the process over {_STEPS} steps, examples (4,096) included",
            "libraries MiB": "of it, there as soon as all libraries are imported",
            "steps MiB": "of it, what tracing, compiling and stepping add to agents and examples",
            "GPU MiB": "the most on the first GPU, where there is one",
        }
        return Table("Memory", ("game", "batch"), numbers, rows, ("peak MiB", "steps MiB", "GPU MiB"))


class Sweep(Measurement):
    """Runs of small agents with several noises and seeds, trained in one process, and one process for each noise alone.

    The processes alone, which all take as long, come half before and half after the one with all runs.
    """

    name = "sweep"
    description = "4 noises × 8 seeds in one process, against as many processes one after the other; start-up counts."

    def __init__(
        self, noises: Sequence[float] = (0.0, 0.25, 0.5, 0.75), seeds: int = 8, batch_size: int = 16, steps: int = 2000
    ) -> None:
        """`seeds`: how many each noise has."""
        self._noises, self._seeds, self._steps = noises, seeds, steps
        self._bindings = [*SMALL, f"batch_size={batch_size}"]

    def measure(self, conditions: Conditions) -> Table:
        """One row; of the processes alone, one seed of each noise is run, and stands for the others."""
        values = f"noise/Varied.values={list(self._noises)}"
        varied = ["noise=@noise/Varied()", "noise/Varied.name='noise'", values, f"seeds={self._seeds}"]
        ways = [[f"noise={noise}"] for noise in self._noises]
        ways.insert(len(ways) // 2, varied)
        bindings = [*self._bindings, *conditions.bindings]
        times = [time_of(lambda way=way: train_in_fresh_process("nlg", [*bindings, *way], self._steps)) for way in ways]
        together = times.pop(len(times) // 2)
        runs, alone = len(self._noises) * self._seeds, sum(times) / len(times)
        row = {"runs": runs, "together s": together, "alone s": alone, "ratio": together / (runs * alone)}
        numbers = {
            "together s": f"the process that trains all runs for {self._steps} steps, from its start to its end",
            "alone s": "a process that trains one run, the mean over the noises",
            "ratio": "together / (runs · alone)",
        }
        return Table("Sweep", ("runs",), numbers, [row], ("ratio",))
