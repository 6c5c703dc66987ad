"""Statistics over seeds: numbers worked by hand, all resamples counted, and those of the package of the method."""

import itertools

import numpy as np
import pytest
import scipy.stats

from tf_emcom.tools.reproduce.statistics import (
    interquartile_mean,
    interval,
    mean,
    probability_of_improvement,
    summary,
)

# Runs × tasks. What the package of the authors of the method gives for them: rliable 1.2.0, arch 7.2.0, scipy 1.17.1,
# numpy 2.4.6; intervals by 50,000 resamples, of the probability 20,000, from RandomState(0). aggregate_iqm,
# aggregate_mean, probability_of_improvement(X, Y), and get_interval_estimates of each.
X = np.array([[0.1, 0.5, 0.9], [0.2, 0.4, 0.8], [0.3, 0.9, 0.7], [0.4, 0.6, 0.95], [0.9, 0.3, 0.2]])
Y = np.array([[0.1, 0.45, 0.5], [0.15, 0.4, 0.9], [0.25, 0.2, 0.6], [0.6, 0.1, 0.3]])

PUBLISHED = {
    ("x", "interquartile mean"): (0.5444444444444445, (0.36666667, 0.73333333)),
    ("x", "mean"): (0.5433333333333333, (0.41666667, 0.67333333)),
    ("y", "interquartile mean"): (0.3499999999999999, (0.225, 0.5)),
    ("y", "mean"): (0.37916666666666665, (0.275, 0.4875)),
}
PUBLISHED_IMPROVEMENT = (0.7083333333333334, (0.49166667, 0.9))
# Between 10,000 and 50,000 resamples.
CHANCE = 0.012


def strata(scores):
    return list(scores.T)


def every_resample(scores):
    """All equally probable resamples of the seeds of one stratum, [n ** n, n]."""
    return np.array(list(itertools.product(scores, repeat=len(scores))))


def test_the_interquartile_mean_leaves_out_a_quarter_on_each_side():
    assert interquartile_mean([np.array([8.0, 1.0, 100.0, 3.0, 2.0, 4.0, 7.0, -50.0])]) == (2 + 3 + 4 + 7) / 4
    assert interquartile_mean([np.array([0.0, 1.0, 5.0])]) == 2.0
    for count in range(1, 13):
        scores = np.random.default_rng(count).normal(size=count)
        assert interquartile_mean([scores]) == pytest.approx(scipy.stats.trim_mean(scores, 0.25), abs=1e-12)


def test_the_probability_of_improvement_counts_pairs_and_half_of_the_ties():
    firsts, seconds = [np.array([1.0, 2.0, 3.0]), np.array([1.0])], [np.array([2.0, 2.0, 0.0]), np.array([1.0, 5.0])]
    # 1 of 3 pairs, 2 halves and 1, all 3; then a half of 2.
    assert probability_of_improvement(firsts, seconds) == pytest.approx((6 / 9 + 0.25) / 2)
    for task in range(3):
        wins = scipy.stats.mannwhitneyu(X[:, task], Y[:, task], alternative="greater").statistic
        assert probability_of_improvement([X[:, task]], [Y[:, task]]) == pytest.approx(wins / 20)


@pytest.mark.parametrize("key", PUBLISHED, ids=" ".join)
def test_aggregates_and_intervals_are_those_of_the_published_package(key):
    scores = strata({"x": X, "y": Y}[key[0]])
    statistic = {"mean": mean, "interquartile mean": interquartile_mean}[key[1]]
    point, limits = PUBLISHED[key]
    assert statistic(scores) == pytest.approx(point, abs=1e-12)
    assert interval(statistic, scores) == pytest.approx(limits, abs=CHANCE)


def test_the_probability_of_improvement_is_that_of_the_published_package():
    point, limits = PUBLISHED_IMPROVEMENT
    assert probability_of_improvement(strata(X), strata(Y)) == pytest.approx(point, abs=1e-12)
    found = interval(lambda drawn: probability_of_improvement(drawn[:3], drawn[3:]), [*strata(X), *strata(Y)])
    assert found == pytest.approx(limits, abs=CHANCE)


def test_the_interval_has_the_quantiles_of_all_resamples():
    scores = np.array([0.1, 0.25, 0.3, 0.7, 0.9])
    exact = np.quantile(every_resample(scores).mean(axis=1), [0.025, 0.975], method="inverted_cdf")
    assert interval(mean, [scores]) == pytest.approx(exact.tolist(), abs=0.011)


def test_seeds_are_drawn_for_each_stratum_apart():
    first, second = np.array([0.0, 1.0, 5.0]), np.array([10.0, 30.0])
    sums = every_resample(first).mean(axis=1)[:, None] + every_resample(second).mean(axis=1)
    exact = np.quantile(sums / 2, [0.025, 0.975], method="inverted_cdf")
    assert interval(mean, [first, second]) == pytest.approx(exact.tolist(), abs=1e-9)


def test_the_interval_agrees_with_scipys():
    scores = strata(X)

    def statistic(*samples, axis):
        return np.mean([sample.mean(axis=axis) for sample in samples], axis=0)

    theirs = scipy.stats.bootstrap(scores, statistic, method="percentile", n_resamples=20_000).confidence_interval
    assert interval(mean, scores) == pytest.approx(tuple(theirs), abs=0.01)


def test_an_interval_is_the_same_each_time_and_of_one_seed_there_is_none():
    assert interval(mean, strata(X)) == interval(mean, strata(X))
    assert interval(mean, [np.array([0.5])]) is None
    assert interval(mean, [np.array([0.5, 0.6]), np.array([0.5])]) is None
    assert interval(mean, [np.array([0.5, 0.6])]) == (0.5, 0.6)


def test_a_summary_is_worked_by_hand():
    found = summary([0.2, 0.4, 0.9, 0.5])
    assert (found["mean"], found["seeds"]) == (pytest.approx(0.5), 4)
    assert found["deviation"] == pytest.approx((0.26 / 3) ** 0.5)
    assert found["standard_error"] == pytest.approx((0.26 / 3) ** 0.5 / 2)
    assert found["interquartile_mean"] == pytest.approx(0.45)
    assert 0.2 <= found["low"] < 0.5 < found["high"] <= 0.9
    one = summary([0.25])
    assert one == {
        **{"mean": 0.25, "deviation": None, "standard_error": None, "interquartile_mean": 0.25},
        **{"low": None, "high": None, "seeds": 1},
    }
