"""A mean, and how sure it is."""

from typing import NamedTuple

import numpy as np

from tf_emcom.metrics.success_rate import SuccessRate, design_effect


class SampleMean(NamedTuple):
    """The mean of one number a game, where examples are played more than once."""

    totals: np.ndarray  # float64 [N], the sum over each example's games
    counts: np.ndarray  # int [N], how many games each example had; 0 where it had none

    @property
    def games(self) -> int:
        """How many games there were."""
        return int(self.counts.sum())

    @property
    def inputs(self) -> int:
        """How many examples they are about."""
        return int(np.count_nonzero(self.counts))

    @property
    def mean(self) -> float:
        """Over all games."""
        return float(self.totals.sum() / self.games)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of a normal distribution, from how much the examples' own means differ.

        Games of one example are no new examples, so only these count. All games share one speaker and one listener:
        read it as the least uncertainty there is.
        """
        means = (self.totals / np.maximum(self.counts, 1))[self.counts > 0]
        half = 1.959964 * float(means.std()) / len(means) ** 0.5
        return self.mean - half, self.mean + half

    @property
    def interval_of_share(self) -> tuple[float, float]:
        """The same for a number in [0, 1]: within these bounds, and not of width 0 where all games end alike.

        A game may count in parts, such as the share of an example's labels that are right, whose variance is smaller
        than that of a success or a failure.
        """
        effect = float(design_effect(self.totals, self.counts, least=0.0))
        return SuccessRate(float(self.totals.sum()), self.games, effect).interval
