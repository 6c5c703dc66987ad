"""What every comparison with the plain way is."""

import abc

import numpy as np

from tf_emcom.benchmarks.conditions import Conditions
from tf_emcom.benchmarks.measurement import Measurement
from tf_emcom.benchmarks.table import Table
from tf_emcom.benchmarks.timing import timed

_ROUNDS = 3


class Comparison(Measurement):
    """A task that is done in two ways, ours and the plain one, on the same input.

    It builds its input when it is made: only the two methods are timed. The bindings have no say in it.
    """

    rounds: int = _ROUNDS

    @abc.abstractmethod
    def ours(self) -> np.ndarray:
        """Does it as this library does."""

    @abc.abstractmethod
    def plain(self) -> np.ndarray:
        """Does it as one would without the library."""

    def same(self, ours: np.ndarray, plain: np.ndarray) -> bool:
        """Whether both came to the same result."""
        return np.array_equal(ours, plain)

    def measure(self, conditions: Conditions) -> Table:
        """One row; both ways are timed in turn.

        Raises:
          RuntimeError: the two ways came to different results.
        """
        name = type(self).__module__.rpartition(".")[2]
        results: dict[str, np.ndarray] = {}
        seconds: dict[str, list[float]] = {"ours": [], "plain": []}
        for _ in range(self.rounds):
            seconds["ours"].append(timed(lambda: results.update(ours=self.ours())))
            seconds["plain"].append(timed(lambda: results.update(plain=self.plain())))
            if not self.same(results["ours"], results["plain"]):
                raise RuntimeError(f"The comparison {name} came to different results in its two ways.")
        ours, plain = min(seconds["ours"]), min(seconds["plain"])
        numbers = {
            "ours s": f"the shortest of {self.rounds} times in turn",
            "plain s": "the same, done as one would without the library",
            "times": "how many times faster ours is",
        }
        row = {"task": name, "ours s": ours, "plain s": plain, "times": plain / ours}
        return Table("Ours and the plain way", ("task",), numbers, [row], ("ours s", "times"))
