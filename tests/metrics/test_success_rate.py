import numpy as np
import pytest

from tf_emcom.metrics.success_rate import SuccessRate

Z = 1.959963984540054


@pytest.mark.parametrize(
    ("successes", "games", "expected"),
    [
        (8, 10, (0.4901625, 0.9433178)),
        # At the ends, 1/(1 + z²/n) and its complement.
        (0, 10, (0.0, 1 - 1 / (1 + Z**2 / 10))),
        (10, 10, (1 / (1 + Z**2 / 10), 1.0)),
        (500, 1000, (0.5 - 0.0309303, 0.5 + 0.0309303)),
    ],
)
def test_interval_is_the_one_worked_out_by_hand(successes, games, expected):
    assert SuccessRate(successes, games).interval == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("successes", "games"), [(1, 7), (33, 160), (4000, 4096)])
def test_interval_is_wilsons_formula(successes, games):
    rate = successes / games
    centre = (rate + Z**2 / (2 * games)) / (1 + Z**2 / games)
    half = Z / (1 + Z**2 / games) * np.sqrt(rate * (1 - rate) / games + Z**2 / (4 * games**2))
    assert SuccessRate(successes, games).interval == pytest.approx((centre - half, centre + half), abs=1e-9)


def test_interval_shrinks_with_more_games():
    low, high = SuccessRate(50, 100).interval
    closer_low, closer_high = SuccessRate(5000, 10_000).interval
    assert low < closer_low < 0.5 < closer_high < high


def test_interval_of_a_mean_is_that_of_the_whole_numbers_around_it():
    rate = SuccessRate(33.5, 160)
    assert rate.accuracy == 33.5 / 160
    assert rate.interval == (SuccessRate(33, 160).interval[0], SuccessRate(34, 160).interval[1])
    assert SuccessRate(33.0, 160).interval == SuccessRate(33, 160).interval
