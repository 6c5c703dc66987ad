"""Tasks that are done in two ways: with this library, and as one would without it."""

import abc
from collections.abc import Sequence
from typing import Any, NamedTuple

import editdistance
import numpy as np

from benchmarks.measurement import Conditions, Measurement, times_in_turn
from benchmarks.report import Table
from benchmarks.training_run import SMALL, TrainingRun
from tf_emcom.evaluation.metrics.edit_distances import EditDistance

_ROUNDS = 3


class Comparison(Measurement):
    """A task that is done in two ways on the same input. The user's bindings have no effect."""

    @abc.abstractmethod
    def prepare(self) -> Any:
        """Builds the input, which is not timed."""

    @abc.abstractmethod
    def ours(self, prepared: Any) -> Any:
        """Does the task with this library; returns what both ways must agree on."""

    @abc.abstractmethod
    def plain(self, prepared: Any) -> Any:
        """Does the task without it; returns the same."""

    def measure(self, conditions: Conditions) -> Table:
        """One row; both ways are timed in turn.

        Raises:
          RuntimeError: the two ways returned different results.
        """
        prepared, results = self.prepare(), {}
        calls = {
            "ours": lambda: results.update(ours=self.ours(prepared)),
            "plain": lambda: results.update(plain=self.plain(prepared)),
        }
        seconds = times_in_turn(calls, _ROUNDS)
        if not np.array_equal(results["ours"], results["plain"]):
            raise RuntimeError(f"The comparison {self.name} came to different results in its two ways.")
        ours, plain = min(seconds["ours"]), min(seconds["plain"])
        numbers = {
            "ours s": f"the shortest of {_ROUNDS} times in turn",
            "plain s": "the same, done as one would without the library",
            "times": "how many times faster ours is",
        }
        row = {"task": self.name, "ours s": ours, "plain s": plain, "times": plain / ours}
        return Table("Ours and the plain way", ("task",), numbers, [row], ("ours s", "times"))


class PairwiseEditDistance(Comparison):
    """Edit distances of all pairs of messages.

    The plain loop compares lists of Python's own integers, which takes half the time that arrays do.
    """

    name = "pairwise_edit_distance"
    description = "`EditDistance` against a double loop over `editdistance.eval`, both on one thread."

    def __init__(self, messages: int = 2000, length: int = 10, vocab_size: int = 20) -> None:
        self._shape, self._vocab_size = (messages, length), vocab_size

    def prepare(self) -> np.ndarray:
        """Random messages, int32 [N, T]."""
        return np.random.Generator(np.random.PCG64(0)).integers(0, self._vocab_size, self._shape, dtype=np.int32)

    def ours(self, prepared: np.ndarray) -> np.ndarray:
        """Distances [N(N−1)/2]."""
        return EditDistance()(prepared)

    def plain(self, prepared: np.ndarray) -> np.ndarray:
        """The same, pair by pair."""
        rows, length = prepared.tolist(), prepared.shape[1]
        return np.array(
            [editdistance.eval(rows[i], rows[j]) / length for i in range(len(rows)) for j in range(i + 1, len(rows))]
        )


class Runs(NamedTuple):
    """What `PairsTogether` compares."""

    together: TrainingRun
    alone: TrainingRun


class PairsTogether(Comparison):
    """Training steps of k pairs of agents in one program, against k times as many steps of one pair alone.

    Both play as many games of LG (S) with as large agents. Building and compiling are not timed.
    """

    def __init__(
        self,
        name: str,
        description: str,
        pairs: int,
        together: Sequence[str],
        bindings: Sequence[str] = (),
        batch_size: int = 64,
        steps: int = 2,
    ) -> None:
        """Keeps the parameters of one comparison.

        Args:
          name: as for every measurement.
          description: as for every measurement.
          pairs: k.
          together: gin's bindings by which k pairs are trained in a step.
          bindings: gin's bindings for both ways.
          batch_size: B, games of a pair.
          steps: how many steps of k pairs are timed at once.
        """
        self.name, self.description = name, description
        self._pairs, self._steps, self._together = pairs, steps, together
        self._bindings = ["RandomFeatures.examples=2048", f"batch_size={batch_size}", *bindings]

    def prepare(self) -> Runs:
        """Builds and compiles both."""
        runs = Runs(TrainingRun("lg_s", [*self._bindings, *self._together]), TrainingRun("lg_s", self._bindings))
        for run in runs:
            run.advance(2)
        return runs

    def ours(self, prepared: Runs) -> int:
        """The number of pairs' steps."""
        prepared.together.advance(self._steps)
        return self._steps * self._pairs

    def plain(self, prepared: Runs) -> int:
        """The same number."""
        prepared.alone.advance(self._steps * self._pairs)
        return self._steps * self._pairs


_POPULATION = ("n_speakers=10", "n_listeners=10", "pairs_per_step=10")

PAIRS_TOGETHER = (
    PairsTogether(
        "independent_seeds",
        "Eight runs of small agents in one program, against eight runs one after the other; starting up is not"
        " counted.",
        pairs=8,
        together=["seeds=8"],
        bindings=SMALL,
        steps=20,
    ),
    PairsTogether(
        "independent_seeds_of_few_games",
        "As independent_seeds, with 16 games a batch, too few to fill a machine.",
        pairs=8,
        together=["seeds=8"],
        bindings=SMALL,
        batch_size=16,
        steps=50,
    ),
    PairsTogether(
        "population_step",
        "Steps of a population of n × n agents with k pairs each, against k times as many steps of one pair alone.",
        pairs=10,
        together=_POPULATION,
    ),
    PairsTogether(
        "population_step_of_many_games",
        "As population_step, with EaS's and NEC's batch.",
        pairs=10,
        together=_POPULATION,
        batch_size=1024,
        steps=1,
    ),
    PairsTogether(
        "population_step_of_small_agents",
        "As population_step, where what is done once a pair, and not once a game, weighs more.",
        pairs=10,
        together=_POPULATION,
        bindings=SMALL,
        steps=20,
    ),
)
