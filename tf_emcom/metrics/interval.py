"""How sure a measured accuracy is."""

import scipy.stats


def wilson_interval(successes: int, games: int) -> tuple[float, float]:
    """The 95 % interval of a success rate (Wilson 1927), from `successes` out of `games`, at least one.

    Games that share inputs are not independent: read it as a lower bound of the true uncertainty.
    """
    interval = scipy.stats.binomtest(successes, games).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)
