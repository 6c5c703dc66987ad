"""Optimizers beside Adam and clipping, which have files of their own."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import lewis
from tf_emcom.agents.rows import Rows, bound, row_in
from tf_emcom.errors import UserError
from tf_emcom.runtime.checkpoints import Checkpoints
from tf_emcom.runtime.strategies import Mirrored
from tf_emcom.schedules import LinearRamp
from tf_emcom.training.learner import Learner
from tf_emcom.training.optimizers import Adam, ClipByGlobalNorm, Lamb, RmsProp, Sgd, SkipAboveGlobalNorm

GENERATOR = np.random.default_rng(0)
STARTS = [GENERATOR.normal(size=(3, 2)).astype(np.float32), GENERATOR.normal(size=4).astype(np.float32)]
GRADIENTS = [[GENERATOR.normal(size=w.shape).astype(np.float32) for w in STARTS] for _ in range(5)]


def trained(optimizer_cls, gradients=GRADIENTS, starts=STARTS):
    variables = [keras.Variable(w) for w in starts]
    optimizer = optimizer_cls(variables)
    for step, each in enumerate(gradients):
        optimizer.apply([tf.constant(g) for g in each], tf.constant(step))
    return [v.numpy() for v in variables], optimizer


def with_keras(optimizer, rates):
    """Where Keras' own optimizer gets with these learning rates."""
    variables = [keras.Variable(w) for w in STARTS]
    for rate, gradients in zip(rates, GRADIENTS, strict=True):
        optimizer.learning_rate = rate
        optimizer.apply([tf.constant(g) for g in gradients], variables)
    return [v.numpy() for v in variables]


@pytest.mark.parametrize("rate", [0.1, LinearRamp(0.05, 0.25, 4)], ids=["constant", "schedule"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Sgd, keras.optimizers.SGD),
        (functools.partial(Sgd, momentum=0.7), lambda: keras.optimizers.SGD(momentum=0.7)),
        (
            functools.partial(Sgd, momentum=0.7, nesterov=True),
            lambda: keras.optimizers.SGD(momentum=0.7, nesterov=True),
        ),
        (RmsProp, keras.optimizers.RMSprop),
        (
            functools.partial(RmsProp, rho=0.8, momentum=0.7, epsilon=1e-3),
            lambda: keras.optimizers.RMSprop(rho=0.8, momentum=0.7, epsilon=1e-3),
        ),
        (Lamb, keras.optimizers.Lamb),
    ],
    ids=["Sgd", "momentum", "Nesterov", "RmsProp", "RmsProp with momentum", "Lamb"],
)
def test_five_steps_end_where_keras_ends(ours, theirs, rate):
    rates = [float(rate(tf.constant(step))) if callable(rate) else rate for step in range(5)]
    places, _ = trained(functools.partial(ours, learning_rate=rate))
    for place, wanted in zip(places, with_keras(theirs(), rates), strict=True):
        np.testing.assert_allclose(place, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "places"),
    # Moves of 0.1 · 1: without momentum; u = −0.1, then −0.05 − 0.1; a step of 0.5 u ahead of that.
    [({}, [0.9, 0.8]), ({"momentum": 0.5}, [0.9, 0.75]), ({"momentum": 0.5, "nesterov": True}, [0.85, 0.675])],
    ids=["plain", "momentum", "Nesterov"],
)
def test_two_steps_of_gradient_descent_are_those_worked_out_by_hand(settings, places):
    for steps, place in enumerate(places, start=1):
        ones = steps * [[np.float32(1.0)]]
        found, _ = trained(functools.partial(Sgd, learning_rate=0.1, **settings), ones, [np.float32(1.0)])
        np.testing.assert_allclose(found[0], place, atol=1e-6)


def test_root_of_the_mean_square_divides():
    # The mean square is 0.1 · 4², so that the first step is 0.01 · 4 / √1.6.
    found, _ = trained(functools.partial(RmsProp, learning_rate=0.01), [[np.float32(4.0)]], [np.float32(1.0)])
    np.testing.assert_allclose(found[0], 1.0 - 0.01 * 4.0 / np.sqrt(1.6), atol=1e-6)


def test_lamb_with_decay_ends_where_the_twin_ends():
    """Algorithm 2 of You et al., in float64: the decay is a part of what is scaled."""
    places, first, second = ([factor * w.astype(np.float64) for w in STARTS] for factor in (1, 0, 0))
    for t, gradients in enumerate(GRADIENTS, start=1):
        for i, g in enumerate(gradients):
            first[i] = 0.9 * first[i] + 0.1 * g
            second[i] = 0.999 * second[i] + 0.001 * g**2
            ratio = first[i] / (1 - 0.9**t) / (np.sqrt(second[i] / (1 - 0.999**t)) + 1e-6)
            update = ratio + 0.3 * places[i]
            places[i] -= 0.1 * np.linalg.norm(places[i]) / np.linalg.norm(update) * update
    ours, _ = trained(functools.partial(Lamb, learning_rate=0.1, weight_decay=0.3))
    for place, wanted in zip(ours, places, strict=True):
        np.testing.assert_allclose(place, wanted, atol=1e-5)


def test_lamb_leaves_the_update_of_a_weight_of_zeros_as_adam_has_it():
    zeros = [np.zeros(3, np.float32)]
    gradients = [[np.array([1.0, -2.0, 3.0], np.float32)]]
    ours, _ = trained(functools.partial(Lamb, learning_rate=0.1), gradients, zeros)
    theirs, _ = trained(functools.partial(Adam, learning_rate=0.1, epsilon=1e-6), gradients, zeros)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda v: Sgd(v, -0.1), "Sgd.learning_rate is -0.1"),
        (lambda v: RmsProp(v, LinearRamp(0.1, -0.1, 9)), "RmsProp.learning_rate is -0.1"),
        (lambda v: Lamb(v, -1.0), "Lamb.learning_rate is -1.0"),
        (lambda v: Sgd(v, nesterov=True), "Sgd.nesterov is True, but momentum is 0"),
        (lambda v: Sgd(v, momentum=1.5), "Sgd.momentum is 1.5"),
        (lambda v: SkipAboveGlobalNorm(v, 0.0, Adam), "SkipAboveGlobalNorm.limit is 0.0, which would stop"),
        (lambda v: SkipAboveGlobalNorm(v, -1.0, Adam), "SkipAboveGlobalNorm.limit is -1.0, which would stop"),
    ],
)
def test_impossible_settings_are_refused(make, words):
    with pytest.raises(UserError, match=words):
        make([keras.Variable(1.0)])


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (Sgd, []),
        (functools.partial(Sgd, momentum=0.5), ["velocity_1"]),
        (RmsProp, ["square_1"]),
        (functools.partial(RmsProp, momentum=0.5), ["square_1", "velocity_1"]),
        (Lamb, ["first_moment_1", "second_moment_1"]),
        (lambda v: SkipAboveGlobalNorm(v, 1.0, Adam), ["first_moment_1", "second_moment_1"]),
    ],
)
def test_what_is_kept_beside_one_weight_can_be_reset_alone(make, names):
    optimizer = make([keras.Variable(w) for w in STARTS])
    assert [slot.name for slot in optimizer.slots_of([1])] == names
    assert len(optimizer.state) == 2 * len(names) + len(optimizer.counters)


ADAM = functools.partial(Adam, learning_rate=0.1)


def skipping(limit, then_cls=ADAM):
    return functools.partial(SkipAboveGlobalNorm, limit=limit, then_cls=then_cls)


# 5 long together.
FIVE = [np.float32(3.0), np.array([0.0, 4.0], np.float32)]
PLACES = [np.float32(1.0), np.array([1.0, 1.0], np.float32)]


def test_an_update_at_the_limit_is_that_of_the_other_optimizer():
    ours, _ = trained(skipping(5.0), [FIVE, FIVE], PLACES)
    theirs, _ = trained(ADAM, [FIVE, FIVE], PLACES)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_update_above_the_limit_changes_neither_weights_nor_state():
    places, optimizer = trained(skipping(4.999), [FIVE], PLACES)
    for place, start in zip(places, PLACES, strict=True):
        np.testing.assert_array_equal(place, start)
    assert not any(np.any(v.numpy()) for v in optimizer.state)
    small = [0.1 * g for g in FIVE]
    with_skips, optimizer = trained(skipping(4.999), [small, FIVE, small, FIVE], PLACES)
    without, _ = trained(ADAM, [small, small], PLACES)
    for a, b in zip(with_skips, without, strict=True):
        np.testing.assert_array_equal(a, b)
    assert optimizer.then.updates.numpy().tolist() == [2, 2]


def test_finite_gradients_whose_squares_are_not_are_above_every_limit():
    places, _ = trained(skipping(1e30), [[np.float32(1e25), FIVE[1]]], PLACES)
    np.testing.assert_array_equal(places[0], PLACES[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_gradients_that_are_not_finite_reach_the_weights(bad):
    places, _ = trained(skipping(2000.0), [[np.float32(bad), FIVE[1]]], PLACES)
    assert not np.isfinite(places[0])


def test_what_is_skipped_is_neither_clipped_nor_applied():
    clip = functools.partial(ClipByGlobalNorm, limit=1.0, then_cls=functools.partial(Sgd, learning_rate=1.0))
    skipped, _ = trained(skipping(4.0, clip), [FIVE], PLACES)
    clipped, _ = trained(skipping(6.0, clip), [FIVE], PLACES)
    np.testing.assert_allclose([skipped[0], clipped[0]], [1.0, 1.0 - 0.6], atol=1e-6)


@pytest.mark.parametrize("jit", [False, True])
def test_rows_of_a_stack_are_skipped_each_by_itself(jit):
    place = keras.Variable([1.0, 1.0])
    optimizer = skipping(4.0)([place])
    variables = [place, *optimizer.state]
    start = [np.ones(2, np.float32), *(np.zeros(v.shape, v.dtype) for v in optimizer.state)]
    rows = Rows(variables, 3 * [start])

    def one(given):
        row, gradient = given
        with bound(variables, row) as scope:
            optimizer.apply([gradient], tf.constant(0))
        return row_in(scope, variables)

    @tf.function(jit_compile=jit, autograph=False)
    def update(gradients):
        stacks = [tf.convert_to_tensor(stack.value) for stack in rows.stacks]
        return tf.vectorized_map(one, (stacks, gradients), warn=False)

    found = update(tf.constant([[0.3, -0.4], [3.0, -4.0], [np.nan, 1.0]]))
    np.testing.assert_allclose(found[0][:2], [[0.9, 1.1], [1.0, 1.0]], atol=1e-5)
    assert np.isnan(found[0][2, 0])
    place_of = {id(v): i for i, v in enumerate(variables)}
    assert found[place_of[id(optimizer.then.updates)]].numpy().tolist() == [[1], [0], [1]]


@pytest.mark.parametrize("limit", [4.0, 6.0])
def test_all_replicas_skip_alike(limit):
    strategy = Mirrored(False).strategy
    with strategy.scope():
        places = [keras.Variable(p) for p in PLACES]
        optimizer = skipping(limit)(places)
    gradients = [tf.constant(g) for g in FIVE]
    strategy.run(tf.function(lambda: optimizer.apply(gradients, tf.constant(0)), autograph=False))
    for place in (places[0], optimizer.then.updates):
        copies = [v.numpy() for v in strategy.experimental_local_results(place.value)]
        assert len(copies) == 2
        np.testing.assert_array_equal(copies[0], copies[1])
    np.testing.assert_allclose(places[0].numpy(), 1.0 if limit == 4.0 else 0.9, atol=1e-6)


@pytest.mark.parametrize("make", [Sgd, functools.partial(RmsProp, momentum=0.5), skipping(1.0)])
def test_checkpoints_keep_what_an_optimizer_remembers(make, tmp_path, monkeypatch):
    monkeypatch.setattr(lewis, "Adam", lambda variables, learning_rate: make(variables))
    learners: list[Learner] = [lewis.make_learner(lewis.lg_s, 8, seed=seed) for seed in (0, 1)]
    for variable in learners[0].listener_optimizer.state:
        variable.assign(np.full(variable.shape, 3, variable.dtype))
    Checkpoints(str(tmp_path), learners[0]).save(7)
    assert Checkpoints(str(tmp_path), learners[1]).restore_latest() == 7
    for ours, theirs in zip(lewis.everything(learners[1]), lewis.everything(learners[0]), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert all(np.all(v.numpy() == 3) for v in learners[1].listener_optimizer.state)
