"""Accuracy, and how sure it is."""

from typing import NamedTuple

import scipy.stats


class SuccessRate(NamedTuple):
    """The share of games that were won."""

    successes: int
    games: int

    @property
    def accuracy(self) -> float:
        """In [0, 1]."""
        return self.successes / self.games

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval (Wilson 1927).

        It takes games for independent. Games that share inputs are not, and all share one pair of agents: read it
        as the least uncertainty there is.
        """
        test = scipy.stats.binomtest(self.successes, self.games)
        interval = test.proportion_ci(confidence_level=0.95, method="wilson")
        return float(interval.low), float(interval.high)
