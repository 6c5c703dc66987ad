"""Several runs at once."""

import functools

import numpy as np

from tf_emcom.benchmarks._runs import SMALL, Run, lg_s
from tf_emcom.benchmarks.comparison import Comparison
from tf_emcom.training.populations.independent_pairs import IndependentPairs
from tf_emcom.training.populations.population import Population


class IndependentSeeds(Comparison):
    """Eight runs of small agents in one program, against eight runs one after the other; starting up is not counted.

    The eight are one run that does eight times the steps, which spares seven times the compiling.
    """

    batch_size = 64
    steps = 20

    def __init__(self, seeds: int = 8) -> None:
        self.seeds = seeds

    @functools.cached_property
    def _together(self) -> Run:
        # Made, and compiled, in the first of the repeats, of which the fastest counts.
        runs = IndependentPairs(lg_s(), SMALL.pair, SMALL.features, self.batch_size, 0, self.seeds)
        return Run(runs, SMALL.features)

    @functools.cached_property
    def _alone(self) -> Run:
        return Run(Population(lg_s(), SMALL.pair, SMALL.features, self.batch_size), SMALL.features)

    def ours(self) -> np.ndarray:
        """The number of pairs' steps."""
        self._together.advance(self.steps)
        return np.array(self.steps * self.seeds)

    def plain(self) -> np.ndarray:
        """The same number."""
        self._alone.advance(self.steps * self.seeds)
        return np.array(self.steps * self.seeds)
