"""Statistics of a few seeds: interquartile means, bootstrap intervals, probabilities of improvement.

As in Agarwal et al., NeurIPS 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice". The scores
of one task, called a stratum, are an array [..., n], one for each of n seeds; strata may have different n.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.stats

from tf_emcom.evaluation.results import deviation

Strata = Sequence[np.ndarray]
RESAMPLES = 10_000
LEVEL = 0.95
_SEED = 0


def mean(strata: Strata) -> np.ndarray:
    """The mean over strata of their means, [...]."""
    return np.mean([scores.mean(axis=-1) for scores in strata], axis=0)


def interquartile_mean(strata: Strata) -> np.ndarray:
    """The mean of the scores of all strata together without the lowest and the highest quarter, [...].

    Of N scores, ⌊N / 4⌋ are left out on each side, as a trimmed mean does; below four scores that is none.
    """
    scores = np.sort(np.concatenate(strata, axis=-1), axis=-1)
    cut = scores.shape[-1] // 4
    return scores[..., cut : scores.shape[-1] - cut].mean(axis=-1)


def probability_of_improvement(firsts: Strata, seconds: Strata) -> np.ndarray:
    """How probable it is that a run of the first kind scores more than one of the second, mean over strata, [...].

    In each stratum that is the share of pairs, one run of each kind, where it does; a tie counts one half.
    """
    shares = []
    for first, second in zip(firsts, seconds, strict=True):
        left, right = first[..., :, None], second[..., None, :]
        shares.append((0.5 * (left > right) + 0.5 * (left >= right)).mean(axis=(-2, -1)))
    return np.mean(shares, axis=0)


def spearman(strata: Strata) -> np.ndarray:
    """Spearman's rank correlation of the pairs of all strata together, each stratum [..., n, 2]; returns [...].

    Equal values share the mean of their ranks. Where one of both never varies, it is 0.
    """
    ranks = scipy.stats.rankdata(np.concatenate(strata, axis=-2), axis=-2)
    first, second = np.moveaxis(ranks - ranks.mean(axis=-2, keepdims=True), -1, 0)
    product, size = (first * second).sum(axis=-1), np.sqrt((first**2).sum(axis=-1) * (second**2).sum(axis=-1))
    return np.where(size > 0, product / np.where(size > 0, size, 1.0), 0.0)


def interval(statistic: Callable[[Strata], np.ndarray], strata: Strata) -> tuple[float, float] | None:
    """The 95 % percentile interval of a statistic by the stratified bootstrap; None where a stratum has one seed.

    The seeds of each stratum [n, ...] are drawn again with replacement, for each stratum apart. The same strata give
    the same interval. It is too narrow for few seeds: no seed beyond those that were drawn from can be in it.
    """
    if min(len(scores) for scores in strata) < 2:
        return None
    generator = np.random.default_rng(_SEED)
    drawn = [scores[generator.integers(len(scores), size=(RESAMPLES, len(scores)))] for scores in strata]
    low, high = np.quantile(statistic(drawn), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def summary(values: Sequence[float]) -> dict[str, Any]:
    """What tables say about the values of some seeds; `low` and `high` are the ends of the interval of the mean.

    What is not defined for one seed is None.
    """
    scores = [np.array(values, np.float64)]
    spread = deviation(values)
    low, high = interval(mean, scores) or (None, None)
    return {
        "mean": float(mean(scores)),
        "deviation": spread,
        "standard_error": None if spread is None else spread / math.sqrt(len(values)),
        "interquartile_mean": float(interquartile_mean(scores)),
        "low": low,
        "high": high,
        "seeds": len(values),
    }
