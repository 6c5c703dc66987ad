import numpy as np
import pytest
import scipy.stats

from tf_emcom.evaluation.metrics.success import SuccessRate, design_effect

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


@pytest.mark.parametrize(("successes", "games"), [(1, 7), (33, 160), (4000, 4096), (0, 359), (359, 359)])
def test_interval_is_wilsons_as_scipy_has_it(successes, games):
    expected = scipy.stats.binomtest(successes, games).proportion_ci(confidence_level=0.95, method="wilson")
    found = SuccessRate(successes, games).interval
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert (found[0] == 0.0, found[1] == 1.0) == (successes == 0, successes == games)


def test_interval_shrinks_with_more_games():
    low, high = SuccessRate(50, 100).interval
    closer_low, closer_high = SuccessRate(5000, 10_000).interval
    assert low < closer_low < 0.5 < closer_high < high


def test_interval_of_a_mean_lies_between_those_of_the_whole_numbers_around_it():
    less, mean, more = (SuccessRate(successes, 160).interval for successes in (33, 33.5, 34))
    for end in range(2):
        assert less[end] < mean[end] < more[end]


def interval(won, played):
    return SuccessRate(won.sum(), played.sum(), float(design_effect(won, played))).interval


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("inputs", [2, 41, 359])
def test_one_game_an_input_makes_the_interval_that_of_independent_games(share, inputs):
    won = np.arange(inputs) < round(share * inputs)
    assert design_effect(won, np.ones(inputs)) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("replays", [2, 5, 50])
def test_replays_that_end_alike_make_nothing_surer(share, replays):
    once = (np.arange(359) < round(share * 359)).astype(int)
    ones = np.ones(359, int)
    assert interval(replays * once, replays * ones) == pytest.approx(interval(once, ones), abs=1e-12)


def test_inputs_without_games_do_not_count():
    generator = np.random.default_rng(0)
    played = generator.integers(1, 6, 100)
    won = generator.binomial(played, 0.4)
    gaps = np.zeros(30, int)
    with_gaps = design_effect(np.concatenate([won, gaps]), np.concatenate([played, gaps]))
    assert with_gaps == pytest.approx(design_effect(won, played), rel=1e-12)


def test_many_accuracies_have_their_effects_at_once():
    generator = np.random.default_rng(1)
    played = generator.integers(1, 6, 50)
    won = generator.binomial(played, generator.random((3, 4, 50)))
    expected = [[design_effect(each, played) for each in row] for row in won]
    np.testing.assert_allclose(design_effect(won, played), expected, rtol=1e-12)


def test_one_loss_among_many_replays_is_hardly_surer_than_none():
    # Between inputs that never fail and one that failed once there is next to no variance to be measured.
    played = np.full(359, 5)
    none, one = played.copy(), played.copy()
    one[0] -= 1
    low_of_none, low_of_one = interval(none, played)[0], interval(one, played)[0]
    assert interval(none, played) == pytest.approx(SuccessRate(359, 359).interval, abs=1e-12)
    assert low_of_one < low_of_none + 0.001


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (2.0, 2.0), (9.0, 1.0), (40.0, 10.0)], ids=str)
@pytest.mark.parametrize("replays", [1, 5, 50])
def test_intervals_hold_the_truth_nineteen_times_in_twenty_where_inputs_differ(a, b, replays):
    generator = np.random.default_rng(7)
    inputs, trials = 359, 1500
    won = generator.binomial(replays, generator.beta(a, b, (trials, inputs)))
    played = np.full(inputs, replays)
    truth, held, naive = a / (a + b), 0, 0
    for each, effect in zip(won, design_effect(won, played), strict=True):
        low, high = SuccessRate(each.sum(), played.sum(), float(effect)).interval
        held += low <= truth <= high
        low, high = SuccessRate(each.sum(), played.sum()).interval
        naive += low <= truth <= high
    # 0.95 ± 3 standard errors; a little too wide where the games of an input are nearly independent.
    assert 0.933 < held / trials < 0.985
    assert naive / trials < 0.93 or replays == 1 or a > 9


def test_more_replays_never_make_the_interval_narrower_than_the_inputs_allow():
    # Half of the inputs are always found and half never are: no number of replays says more than one.
    generator = np.random.default_rng(3)
    probable = np.repeat([0.0, 1.0], 100)
    widths = []
    for replays in (1, 5, 50, 5000):
        won, played = generator.binomial(replays, probable), np.full(200, replays)
        low, high = interval(won, played)
        widths.append(high - low)
    assert widths == pytest.approx(widths[:1] * 4, rel=1e-9)
