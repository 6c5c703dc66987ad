import numpy as np
import pytest

from tf_emcom.evaluation.metrics.measures import SampleMean
from tf_emcom.evaluation.metrics.success import SuccessRate


def test_mean_and_interval_worked_by_hand():
    # Two examples with means 1 and 3, of two games and of one; a third without games.
    mean = SampleMean(np.array([2.0, 3.0, 0.0]), np.array([2, 1, 0]))
    assert (mean.games, mean.mean) == (3, pytest.approx(5 / 3))
    # The deviation of 1 and 3 is √2 (n − 1), so ± 1.96 √2 / √2.
    assert mean.interval == pytest.approx((5 / 3 - 1.959964, 5 / 3 + 1.959964), abs=1e-6)


def test_equal_numbers_leave_no_doubt():
    assert SampleMean(np.full(7, 0.1), np.ones(7, int)).interval == pytest.approx((0.1, 0.1), abs=1e-7)


def test_playing_the_same_games_again_makes_nothing_surer():
    once = (np.random.default_rng(0).random(50) < 0.3).astype(float)
    assert SampleMean(once, np.ones(50, int)).interval == pytest.approx(SampleMean(9 * once, np.full(50, 9)).interval)


def test_the_interval_holds_the_truth_nineteen_times_in_twenty():
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(2000):
        low, high = SampleMean((generator.random(400) < 0.3).astype(float), np.ones(400, int)).interval
        held += low <= 0.3 <= high
    assert 0.93 < held / 2000 < 0.97


def test_the_interval_of_a_share_is_that_of_successes_and_never_of_width_zero():
    once = (np.random.default_rng(0).random(80) < 0.3).astype(float)
    ones = np.ones(80, int)
    expected = SuccessRate(once.sum(), 80).interval
    assert SampleMean(once, ones).interval_of_share == pytest.approx(expected, abs=1e-12)
    assert SampleMean(7 * once, 7 * ones).interval_of_share == pytest.approx(expected, abs=1e-12)
    assert SampleMean(1.0 * ones, ones).interval_of_share == pytest.approx(SuccessRate(80, 80).interval, abs=1e-12)


def test_the_interval_of_a_share_of_labels_is_that_of_their_mean():
    # Sixteen labels an example: the mean over them varies four times less.
    shares = np.random.default_rng(1).binomial(16, 0.5, 4000) / 16
    mean = SampleMean(shares, np.ones(4000, int))
    assert mean.interval_of_share == pytest.approx(mean.interval, abs=2e-4)
