import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from tf_emcom.agents.sampling import Drawn, GumbelSoftmax, StraightThrough
from tf_emcom.errors import UserError
from tf_emcom.ops import categorical
from tf_emcom.schedules import LinearRamp

B, V = 6, 5
GENERATOR = np.random.default_rng(0)
LOGITS = GENERATOR.normal(0, 2, (B, V)).astype(np.float32)
UNIFORM = GENERATOR.uniform(1e-3, 1 - 1e-3, (B, V)).astype(np.float32)
WEIGHTS = GENERATOR.normal(size=(B, V)).astype(np.float32)
NOISY = LOGITS - np.log(-np.log(UNIFORM.astype(np.float64)))
STEP = tf.constant(0)


def utter(sampler, step=STEP):
    """The symbols, the soft ones, and the gradient of a weighted sum of the soft ones."""
    logits = tf.constant(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        symbols, relaxed = sampler(logits, tf.constant(UNIFORM), step)
        total = tf.reduce_sum(relaxed * WEIGHTS)
    return symbols.numpy(), relaxed.numpy(), tape.gradient(total, logits).numpy()


def test_drawn_symbols_are_the_policys_inversion_draws():
    symbols, relaxed = Drawn()(tf.constant(LOGITS), tf.constant(UNIFORM[:, 0]), STEP)
    np.testing.assert_array_equal(symbols, categorical.draw(tf.constant(LOGITS), tf.constant(UNIFORM[:, 0])))
    assert relaxed is None


@pytest.mark.parametrize(("sampler", "draws"), [(Drawn(), ()), (GumbelSoftmax(), (V,)), (StraightThrough(), (V,))])
def test_number_of_draws_of_a_symbol(sampler, draws):
    assert sampler.draws(V) == draws


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_gumbel_softmax_is_that_of_numpy(temperature):
    symbols, relaxed, _ = utter(GumbelSoftmax(temperature))
    np.testing.assert_array_equal(symbols, NOISY.argmax(-1))
    np.testing.assert_allclose(relaxed, scipy.special.softmax(NOISY / temperature, axis=-1), atol=1e-5)


@pytest.mark.parametrize("sampler", [GumbelSoftmax, StraightThrough])
def test_gradient_is_that_of_the_softmax(sampler):
    temperature = 0.7
    soft = scipy.special.softmax(NOISY / temperature, axis=-1)
    expected = soft * (WEIGHTS - (soft * WEIGHTS).sum(-1, keepdims=True)) / temperature
    np.testing.assert_allclose(utter(sampler(temperature))[2], expected, atol=1e-5)


def test_straight_through_symbols_are_hard():
    symbols, relaxed, _ = utter(StraightThrough(2.0))
    np.testing.assert_array_equal(symbols, NOISY.argmax(-1))
    np.testing.assert_array_equal(relaxed, np.eye(V)[symbols])


def test_temperature_follows_its_schedule():
    cooling = GumbelSoftmax(LinearRamp(2.0, 1.0, 10))
    np.testing.assert_array_equal(utter(cooling, tf.constant(10))[1], utter(GumbelSoftmax(1.0))[1])
    np.testing.assert_allclose(utter(cooling, tf.constant(5))[1], utter(GumbelSoftmax(1.5))[1], atol=1e-6)


def test_gumbel_symbols_are_drawn_from_the_policy():
    games = 5000
    uniform = np.random.default_rng(3).uniform(1e-7, 1, (games, V)).astype(np.float32)
    symbols, _ = GumbelSoftmax(5.0)(tf.tile(LOGITS[:1], [games, 1]), tf.constant(uniform), STEP)
    expected = games * scipy.special.softmax(LOGITS[0].astype(np.float64))
    assert scipy.stats.chisquare(np.bincount(symbols, minlength=V), expected).pvalue > 1e-4


@pytest.mark.parametrize("sampler", [GumbelSoftmax, StraightThrough])
@pytest.mark.parametrize("temperature", [0.0, -1.0, LinearRamp(1.0, 0.0, 10)], ids=["0", "-1", "falls to 0"])
def test_temperatures_that_fall_to_0_are_refused(sampler, temperature):
    with pytest.raises(UserError, match=f"{sampler.__name__}.temperature .* set it above 0"):
        sampler(temperature)
