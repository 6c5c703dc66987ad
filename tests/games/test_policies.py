import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.games.policies import EpsilonGreedy, Greedy, Sampled
from tf_emcom.schedules import LinearRamp
from tf_emcom.seeds import step_stream

GAMES = 5000
SCORES = np.array([0.5, -1.0, 2.0, 0.0], np.float32)


def choose(policy, scores=SCORES, step=0, games=GAMES):
    stream = step_stream(0, tf.constant(step), tf.constant(0), games, games)
    return policy(tf.constant(np.tile(scores, (games, 1))), tf.constant(step), stream)


def test_greedy_takes_the_best():
    choice = choose(Greedy(), games=2)
    expected = scipy.special.softmax(SCORES)
    assert choice.candidates.numpy().tolist() == [2, 2]
    np.testing.assert_allclose(choice.log_probs, np.log([expected[2]] * 2), atol=1e-6)
    np.testing.assert_allclose(choice.entropy, [scipy.stats.entropy(expected)] * 2, atol=1e-6)


def test_greedy_takes_the_first_of_equals():
    assert choose(Greedy(), np.zeros(4, np.float32), games=3).candidates.numpy().tolist() == [0, 0, 0]


@pytest.mark.parametrize("temperature", [1.0, 2.0, LinearRamp(0.5, 2.0, 10)])
def test_sampled_draws_from_the_tempered_softmax(temperature):
    choice = choose(Sampled(temperature))
    divisor = 0.5 if isinstance(temperature, LinearRamp) else temperature
    expected = scipy.special.softmax(SCORES.astype(np.float64) / divisor)
    counts = np.bincount(choice.candidates, minlength=4)
    assert scipy.stats.chisquare(counts, GAMES * expected).pvalue > 1e-4
    # The record is of the policy that was followed, temperature included.
    np.testing.assert_allclose(choice.log_probs, np.log(expected)[choice.candidates.numpy()], atol=1e-5)
    np.testing.assert_allclose(choice.entropy[0], scipy.stats.entropy(expected), atol=1e-5)


def test_sampled_is_nearly_greedy_when_cold():
    assert (choose(Sampled(0.01)).candidates.numpy() == 2).all()


def test_sampled_draws_afresh_every_step():
    policy = Sampled()
    first, again, next_step = (choose(policy, step=step).candidates.numpy() for step in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != next_step).any()


def test_policy_gradient_reaches_the_scores():
    scores = tf.constant([[0.0, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch(scores)
        log_probs = Sampled(2.0)(scores, tf.constant(0), step_stream(0, tf.constant(0), 0, 1, 1)).log_probs
    chosen = np.exp(log_probs)[0]
    assert abs(float(tape.gradient(log_probs, scores)[0, 0])) == pytest.approx((1 - chosen) / 2, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.0, -1.0, LinearRamp(1.0, 0.0, 10)])
def test_temperature_that_is_not_above_zero_is_refused(temperature):
    with pytest.raises(UserError, match="Greedy"):
        Sampled(temperature)


@pytest.mark.parametrize("policy", [Sampled(), EpsilonGreedy()])
def test_policies_that_draw_refuse_scores_of_labels(policy):
    with pytest.raises(UserError, match="names labels"):
        policy(tf.zeros((2, 1, 3)), tf.constant(0), step_stream(0, tf.constant(0), tf.constant(0), 2, 2))
