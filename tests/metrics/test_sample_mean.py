import numpy as np
import pytest

from tf_emcom.metrics.sample_mean import SampleMean


def of(values):
    return SampleMean(float(np.sum(values)), float(np.square(values).sum()), len(values))


def test_mean_and_interval_worked_by_hand():
    mean = of([1.0, 3.0])  # deviation 1, so ± 1.96 / √2
    assert mean.mean == 2.0
    assert mean.interval == pytest.approx((2.0 - 1.3859, 2.0 + 1.3859), abs=1e-4)


def test_equal_numbers_leave_no_doubt():
    assert of([0.1] * 7).interval == pytest.approx((0.1, 0.1), abs=1e-7)


def test_the_interval_holds_the_truth_nineteen_times_in_twenty():
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(2000):
        low, high = of(generator.random(400) < 0.3).interval
        held += low <= 0.3 <= high
    assert 0.93 < held / 2000 < 0.97
