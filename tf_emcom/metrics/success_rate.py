"""Accuracy, and how sure it is."""

import math
from typing import NamedTuple

import scipy.stats


class SuccessRate(NamedTuple):
    """The share of games that were won."""

    successes: float  # not whole where it is the mean over several who played the same games
    games: int

    @property
    def accuracy(self) -> float:
        """In [0, 1]."""
        return self.successes / self.games

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval (Wilson 1927), from the whole numbers on both sides of the successes.

        It takes games for independent. Games that share inputs are not, and all share their agents: read it as the
        least uncertainty there is. For a mean over several who played the same games it is no narrower than for one
        of them: that they are many makes the games no more.
        """
        ends = math.floor(self.successes), math.ceil(self.successes)
        low, high = (
            scipy.stats.binomtest(end, self.games).proportion_ci(confidence_level=0.95, method="wilson") for end in ends
        )
        return float(low.low), float(high.high)
