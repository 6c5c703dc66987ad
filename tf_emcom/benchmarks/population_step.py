"""Steps of a population."""

import functools

import numpy as np

from tf_emcom.benchmarks._runs import FULL, Run, Size, lg_s
from tf_emcom.benchmarks.comparison import Comparison
from tf_emcom.training.populations.population import Population


class PopulationStep(Comparison):
    """Steps of a population of n × n agents with k pairs each, against k times as many steps of one pair alone.

    Both play as many games; the ratio says what it costs that agents are many: 1 would be nothing.
    """

    size: Size = FULL
    batch_size = 64
    steps = 2

    def __init__(self, n: int = 10, pairs: int = 10) -> None:
        self.n, self.pairs = n, pairs

    @functools.cached_property
    def _population(self) -> Run:
        # Made, and compiled, in the first of the repeats, of which the fastest counts.
        sizes = self.n, self.n, self.pairs
        return Run(
            Population(lg_s(), self.size.pair, self.size.features, self.batch_size, 0, *sizes), self.size.features
        )

    @functools.cached_property
    def _pair(self) -> Run:
        return Run(Population(lg_s(), self.size.pair, self.size.features, self.batch_size), self.size.features)

    def ours(self) -> np.ndarray:
        """The number of pairs' steps."""
        self._population.advance(self.steps)
        return np.array(self.steps * self.pairs)

    def plain(self) -> np.ndarray:
        """The same number."""
        self._pair.advance(self.steps * self.pairs)
        return np.array(self.steps * self.pairs)
