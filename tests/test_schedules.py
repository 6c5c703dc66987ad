import math

import pytest
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.games.channels import Erasure
from tf_emcom.schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    Joined,
    LinearRamp,
    Varied,
    at,
    combinations,
    in_words,
    progress,
    varied_in,
)


def values(schedule, steps):
    return [float(schedule(tf.constant(step, tf.int64))) for step in steps]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(0.3), {0: 0.3, 50: 0.3, 10**6: 0.3}),
        # The training noise of NLG: up to 0.5 over the first 40 % of 100 steps.
        (LinearRamp(0.0, 0.5, 100, fraction=0.4), {0: 0.0, 10: 0.125, 20: 0.25, 40: 0.5, 41: 0.5, 1000: 0.5}),
        (LinearRamp(1.0, -1.0, 10), {0: 1.0, 5: 0.0, 10: -1.0, 11: -1.0}),
        (CosineDecay(1.0, 100), {0: 1.0, 25: 0.5 + 2**0.5 / 4, 50: 0.5, 100: 0.0, 101: 0.0}),
        (CosineDecay(3.0, 60, end=1.0), {0: 3.0, 20: 2.5, 30: 2.0, 40: 1.5, 60: 1.0, 600: 1.0}),
        (ExponentialDecay(8.0, 0.5, 10), {0: 8.0, 5: 8 / math.sqrt(2), 10: 4.0, 30: 1.0}),
        (ExponentialDecay(8.0, 0.5, 10, floor=3.0), {0: 8.0, 10: 4.0, 20: 3.0, 1000: 3.0}),
        # Each part begins at 0 again at its boundary.
        (
            Joined([LinearRamp(0.0, 1.0, 10), 0.25, LinearRamp(0.5, 0.0, 4)], [10, 20]),
            {0: 0.0, 9: 0.9, 10: 0.25, 19: 0.25, 20: 0.5, 22: 0.25, 24: 0.0, 99: 0.0},
        ),
        (Joined([1.0, 0.1], [5]), {0: 1.0, 4: 1.0, 5: 0.1, 6: 0.1}),
        (Joined([0.7], []), {0: 0.7, 9: 0.7}),
    ],
    ids=lambda x: type(x).__name__,
)
def test_schedule_has_the_values_worked_out_by_hand(schedule, expected):
    assert values(schedule, expected) == pytest.approx(list(expected.values()), abs=1e-6)


def test_the_numbers_of_all_steps_of_a_run_differ():
    ramp = LinearRamp(0.0, 0.5, 750_000, fraction=0.4)
    assert values(ramp, [150_000, 299_999, 300_000]) == pytest.approx([0.25, 0.5 * 299_999 / 300_000, 0.5], abs=1e-7)


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_any_integer_step_will_do(dtype):
    assert float(Joined([LinearRamp(0.0, 1.0, 4), 2.0], [4])(tf.constant(2, dtype))) == 0.5


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.1])
def test_fraction_outside_of_the_run_is_refused(fraction):
    with pytest.raises(UserError, match="fraction"):
        LinearRamp(0.0, 1.0, 10, fraction=fraction)


@pytest.mark.parametrize(
    ("parts", "boundaries"), [([0.1, 0.2], []), ([0.1], [3]), ([1, 2, 3], [5, 5]), ([1, 2, 3], [6, 5])]
)
def test_boundaries_that_do_not_fit_the_parts_are_refused(parts, boundaries):
    with pytest.raises(UserError, match="boundaries"):
        Joined(parts, boundaries)


def test_plain_number_is_a_constant_schedule():
    assert at(0.5, tf.constant(7)).numpy() == 0.5
    assert at(Constant(0.25), tf.constant(7)).numpy() == 0.25


def test_progress_is_clipped_at_both_ends():
    assert [float(progress(tf.constant(s), 10.0, 20.0)) for s in (0, 10, 15, 20, 99)] == [0.0, 0.0, 0.5, 1.0, 1.0]


@pytest.mark.parametrize(
    ("schedule", "bounds"),
    [
        (Constant(0.3), (0.3, 0.3)),
        (LinearRamp(0.7, 0.2, 10), (0.2, 0.7)),
        (CosineDecay(0.1, 10, end=0.4), (0.1, 0.4)),
        (ExponentialDecay(0.8, 0.5, 3, floor=0.1), (0.1, 0.8)),
        (ExponentialDecay(0.8, 2.0, 3), (0.8, math.inf)),
        (Joined([0.5, LinearRamp(0.0, 0.9, 4), 0.1], [3, 8]), (0.0, 0.9)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_stay_within_bounds(schedule, bounds):
    assert schedule.bounds() == bounds
    values = [float(schedule(tf.constant(step))) for step in range(30)]
    assert min(values) >= bounds[0] - 1e-6
    assert max(values) <= bounds[1] + 1e-6


def test_a_schedule_that_makes_no_sense_is_refused():
    with pytest.raises(UserError, match="every"):
        ExponentialDecay(1.0, 0.5, 0)
    with pytest.raises(UserError, match="start -1"):
        ExponentialDecay(-1.0, 0.5, 3)
    with pytest.raises(UserError, match="boundary"):
        Joined([1.0, 0.5], [-3])


@pytest.mark.parametrize(
    ("of", "step", "expected"),
    [
        (lambda number: number, 7, [0.25, 0.5]),
        (lambda number: LinearRamp(0.0, number, 10), 5, [0.125, 0.25]),
        (lambda number: LinearRamp(number, 1.0, 10), 5, [0.625, 0.75]),
        (lambda number: CosineDecay(number, 100), 50, [0.125, 0.25]),
        (lambda number: CosineDecay(1.0, 100, end=number), 100, [0.25, 0.5]),
        (lambda number: ExponentialDecay(number, 0.5, 10), 10, [0.125, 0.25]),
        (lambda number: ExponentialDecay(8.0, number, 10), 20, [0.5, 2.0]),
        (lambda number: ExponentialDecay(8.0, 0.5, 1, floor=number), 99, [0.25, 0.5]),
        (lambda number: Joined([1.0, number], [5]), 6, [0.25, 0.5]),
    ],
)
def test_a_varied_number_may_be_a_part_of_every_schedule(of, step, expected):
    number = Varied("number", [0.25, 0.5])
    schedule, variable = of(number), number.prepare()
    found = []
    for value in number.values:
        variable.assign(value)
        found.append(float(schedule(tf.constant(step))))
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("schedule", "bounds"),
    [
        (Varied("x", [0.5, 0.25]), (0.25, 0.5)),
        (LinearRamp(0.3, Varied("x", [0.1, 0.9]), 10), (0.1, 0.9)),
        (CosineDecay(Varied("x", [0.1, 0.9]), 10), (0.0, 0.9)),
        (ExponentialDecay(Varied("x", [2.0, 3.0]), 0.5, 10, floor=1.0), (1.0, 3.0)),
        (ExponentialDecay(2.0, Varied("x", [0.5, 2.0]), 10), (0.0, math.inf)),
        (Joined([0.2, Varied("x", [0.1, 0.9])], [5]), (0.1, 0.9)),
    ],
)
def test_the_bounds_are_those_of_all_runs(schedule, bounds):
    assert schedule.bounds() == bounds


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.5]])
def test_fewer_than_two_different_values_are_refused(values):
    with pytest.raises(UserError, match="two or more different numbers"):
        Varied("noise", values)


def test_a_value_of_one_run_that_does_not_fit_is_refused():
    with pytest.raises(UserError, match=r"probability is 1.5"):
        Erasure(LinearRamp(0.0, Varied("noise", [0.5, 1.5]), 10))


def test_varied_numbers_are_found_wherever_they_are():
    noise, rate, again = Varied("noise", [0, 1]), Varied("rate", [1, 2]), Varied("noise", [0, 1])
    held = {"schedules": [Joined([0.5, rate], [3])], "channel": Erasure(LinearRamp(0.0, noise, 10)), "more": (again, 3)}
    assert {*map(id, varied_in(held))} == {id(noise), id(rate), id(again)}
    assert [varied.name for varied in varied_in(held)] == ["noise", "noise", "rate"]
    assert combinations(varied_in(held)) == [
        {"noise": 0, "rate": 1}, {"noise": 0, "rate": 2}, {"noise": 1, "rate": 1}, {"noise": 1, "rate": 2},
    ]
    assert varied_in(Constant(1.0)) == [] and combinations([]) == [{}]


def test_one_name_with_two_lists_of_values_is_refused():
    with pytest.raises(UserError, match="one list, or two names"):
        varied_in([Varied("rate", [1, 2]), Varied("rate", [1, 3])])


def test_numbers_are_said_by_name():
    assert in_words({"kl": 0.5, "noise": 0.25}) == "kl 0.5, noise 0.25"


def test_a_number_that_varies_between_no_runs_is_refused_in_a_sentence():
    with pytest.raises(UserError, match="'noise' is Varied, but only independent pairs of agents in one program"):
        Varied("noise", [0.25, 0.5])(tf.constant(0))
