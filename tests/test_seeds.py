import random

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tf_emcom.seeds import Stream, drawing_from, step_stream

GAMES = 8
STAGES = ("speaker", "channel", "candidates", "listener")


def stream(seed=0, step=0, first_game=0, local_games=GAMES, global_games=GAMES):
    return step_stream(seed, tf.constant(step), tf.constant(first_game), local_games, global_games)


def test_replicas_hold_slices_of_the_global_draw():
    whole = stream(step=3).stage("channel").uniform(5).numpy()
    parts = [stream(step=3, first_game=first, local_games=2).stage("channel").uniform(5) for first in (0, 2, 4, 6)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_shared_bits_are_the_same_for_all_games():
    np.testing.assert_array_equal(stream().shared_bits(6), stream(first_game=4, local_games=4).shared_bits(6))


@pytest.mark.parametrize(
    "other",
    [
        stream(seed=1),
        # Seeds that agree in their lower 31 bits.
        stream(seed=2**31),
        stream(step=1),
        stream().stage("channel"),
        stream().stage("channel").stage("channel"),
    ],
)
def test_other_places_draw_other_numbers(other):
    assert not np.intersect1d(stream().uniform(100), other.uniform(100)).size > 5


def test_stages_of_one_step_are_independent():
    draws = np.stack([stream(step=5).stage(name).uniform(2000).numpy().ravel() for name in STAGES])
    correlations = np.corrcoef(draws)[~np.eye(len(STAGES), dtype=bool)]
    assert np.abs(correlations).max() < 5 / draws.shape[1] ** 0.5


def test_order_of_stages_matters():
    one, other = (stream().stage(a).stage(b).uniform(4).numpy() for a, b in (("a", "b"), ("b", "a")))
    assert (one != other).any()


def test_games_of_one_step_are_independent():
    draws = stream().uniform(20_000).numpy()
    correlations = np.corrcoef(draws)[~np.eye(GAMES, dtype=bool)]
    assert np.abs(correlations).max() < 5 / draws.shape[1] ** 0.5


def test_first_draws_of_successive_steps_are_independent():
    @tf.function
    def draw(step):
        return step_stream(0, step, tf.constant(0), 1, 1).stage("speaker").uniform()[0]

    draws = np.array([draw(tf.constant(step)) for step in range(2000)])
    assert scipy.stats.kstest(draws, "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(draws[1:], draws[:-1])[0, 1]) < 5 / 2000**0.5


def test_draws_are_uniform_and_strictly_inside_the_unit_interval():
    draws = stream().uniform(100_000).numpy()
    assert draws.dtype == np.float32
    assert 0 < draws.min() < 1e-4
    assert 1 - 1e-4 < draws.max() < 1
    assert scipy.stats.kstest(draws.ravel(), "uniform").pvalue > 1e-4


def test_normal_draws_are_standard_normal():
    draws = stream().normal(100_000).numpy()
    assert draws.dtype == np.float32
    assert scipy.stats.kstest(draws.ravel(), "norm").pvalue > 1e-4
    # What is expected of the largest of 800,000.
    assert 4.2 < np.abs(draws).max() < 5.4


def test_normal_draws_are_the_quantiles_of_the_uniform_draws():
    quantiles = scipy.stats.norm.ppf(stream().uniform(1000).numpy().astype(np.float64))
    np.testing.assert_allclose(stream().normal(1000), quantiles, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("draw", [Stream.uniform, Stream.normal])
def test_every_replica_can_draw_for_all_games(draw):
    whole = draw(stream(step=3).stage("noise"), 4, 2)
    for first_game in (0, 4):
        part = stream(step=3, first_game=first_game, local_games=4).stage("noise").for_all_games()
        np.testing.assert_array_equal(draw(part, 4, 2), whole)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_normal_draws_are_those_of_eager_mode_up_to_rounding(jit_compile):
    def draw(step, first_game):
        here = step_stream(123, step, first_game, 4, GAMES).stage("noise")
        return here.normal(500), here.for_all_games().normal(500)

    arguments = tf.constant(2), tf.constant(4)
    for ours, eager in zip(tf.function(draw, jit_compile=jit_compile)(*arguments), draw(*arguments), strict=True):
        np.testing.assert_allclose(ours, eager, rtol=2e-6, atol=2e-6)


def test_steps_may_be_of_either_integer_type():
    streams = [step_stream(0, tf.constant(9, dtype), tf.constant(0), 4, 4) for dtype in (tf.int32, tf.int64)]
    np.testing.assert_array_equal(streams[0].uniform(3), streams[1].uniform(3))


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_draws_are_bit_for_bit_those_of_eager_mode(jit_compile):
    # Every stage, at several steps: half of all folded seeds are negative, which XLA and TensorFlow may read
    # differently.
    def draw(step, first_game):
        here = step_stream(123, step, first_game, 4, GAMES)
        stages = [here, *map(here.stage, STAGES), here.stage("channel").stage("whether")]
        return [s.uniform(3) for s in stages] + [s.shared_bits(3) for s in stages]

    compiled = tf.function(draw, jit_compile=jit_compile)
    for step in range(4):
        arguments = tf.constant(step), tf.constant(4)
        for ours, eager in zip(compiled(*arguments), draw(*arguments), strict=True):
            np.testing.assert_array_equal(ours, eager)


def test_weights_drawn_from_a_seed_are_those_after_seeding_everything_and_no_generator_moves():
    keras.utils.set_random_seed(7)
    expected = keras.initializers.GlorotUniform()((3, 2))
    keras.utils.set_random_seed(1)
    state = random.getstate()
    with drawing_from(7):
        found = keras.initializers.GlorotUniform()((3, 2))
    np.testing.assert_array_equal(found, expected)
    assert random.getstate() == state
