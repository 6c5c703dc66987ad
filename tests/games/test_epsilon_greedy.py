import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.games.policies import EpsilonGreedy, Sampled
from tf_emcom.schedules import LinearRamp
from tf_emcom.seeds import step_stream

GAMES = 5000
SCORES = np.array([0.5, -1.0, 2.0, 0.0], np.float32)
MIXTURES = [(0.1, 1.0), (0.5, 0.3), (1.0, 2.0), (0.0, 0.7)]


def choose(policy, scores=SCORES, step=0, games=GAMES):
    stream = step_stream(0, tf.constant(step), tf.constant(0), games, games)
    return policy(tf.constant(np.tile(scores, (games, 1))), tf.constant(step), stream)


def mixture(epsilon, temperature):
    return (1 - epsilon) * scipy.special.softmax(SCORES.astype(np.float64) / temperature) + epsilon / len(SCORES)


@pytest.mark.parametrize(("epsilon", "temperature"), MIXTURES)
def test_choices_are_drawn_from_the_mixture(epsilon, temperature):
    counts = np.bincount(choose(EpsilonGreedy(epsilon, temperature)).candidates, minlength=4)
    assert scipy.stats.chisquare(counts, GAMES * mixture(epsilon, temperature)).pvalue > 1e-4


@pytest.mark.parametrize(("epsilon", "temperature"), MIXTURES)
def test_the_record_is_of_the_mixture(epsilon, temperature):
    choice, expected = choose(EpsilonGreedy(epsilon, temperature)), mixture(epsilon, temperature)
    np.testing.assert_allclose(choice.log_probs, np.log(expected)[choice.candidates.numpy()], atol=1e-5)
    np.testing.assert_allclose(choice.entropy, [scipy.stats.entropy(expected)] * GAMES, atol=1e-5)


def test_schedules_are_followed():
    policy = EpsilonGreedy(LinearRamp(1.0, 0.2, 10), LinearRamp(2.0, 1.0, 10))
    for step, epsilon, temperature in ((0, 1.0, 2.0), (5, 0.6, 1.5), (10, 0.2, 1.0)):
        log_probabilities = policy.logits(tf.constant([SCORES]), tf.constant(step))
        np.testing.assert_allclose(log_probabilities[0], np.log(mixture(epsilon, temperature)), atol=1e-6)


@pytest.mark.parametrize(("epsilon", "temperature"), MIXTURES)
def test_gradient_of_the_log_probability_is_that_of_the_mixture(epsilon, temperature):
    """∂ log π_a / ∂ s_j = (1 − ε) p_a (δ_aj − p_j) / (temperature π_a), where p is the softmax."""
    scores = tf.constant([SCORES])
    with tf.GradientTape() as tape:
        tape.watch(scores)
        log_probabilities = EpsilonGreedy(epsilon, temperature).logits(scores, tf.constant(0))
    p = scipy.special.softmax(SCORES.astype(np.float64) / temperature)
    share = (1 - epsilon) * p / mixture(epsilon, temperature)
    expected = share[:, np.newaxis] * (np.eye(4) - p) / temperature
    np.testing.assert_allclose(tape.jacobian(log_probabilities, scores)[0, :, 0], expected, atol=1e-6)


def test_without_epsilon_it_is_the_sampled_policy():
    mixed, sampled = choose(EpsilonGreedy(0.0, 2.0)), choose(Sampled(2.0))
    np.testing.assert_array_equal(mixed.candidates, sampled.candidates)
    np.testing.assert_allclose(mixed.log_probs, sampled.log_probs, atol=1e-6)
    np.testing.assert_allclose(mixed.entropy, sampled.entropy, atol=1e-6)


@pytest.mark.parametrize("epsilon", [0.0, 0.4, 1.0])
def test_coldest_and_widest_scores_leave_finite_numbers(epsilon):
    scores = tf.constant([[1e4, -1e4, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(scores)
        choice = EpsilonGreedy(epsilon, 0.01)(scores, tf.constant(0), step_stream(0, tf.constant(0), 0, 1, 1))
        total = choice.log_probs + choice.entropy
    for value in (choice.log_probs, choice.entropy, tape.gradient(total, scores)):
        assert np.isfinite(value).all()


def test_nearly_greedy_when_cold():
    share = (choose(EpsilonGreedy(0.2, 0.01)).candidates.numpy() == 2).mean()
    # 4σ of a share of 0.85 in 5,000 games.
    assert share == pytest.approx(0.8 + 0.2 / 4, abs=0.0202)


@pytest.mark.parametrize(
    ("epsilon", "limit"),
    [
        (-0.1, "between 0 and 1"),
        (1.5, "between 0 and 1"),
        (float("nan"), "has to be an object of a Schedule or a finite number; give one, as in 0.1"),
        ("0.1", "has to be an object of a Schedule or a finite number; give one, as in 0.1"),
        (LinearRamp(0.5, 2.0, 10), "between 0 and 1"),
    ],
    ids=["negative", "above", "nan", "text", "rising"],
)
def test_epsilon_that_is_no_share_is_refused(epsilon, limit):
    with pytest.raises(UserError, match=f"EpsilonGreedy.epsilon .* {limit}"):
        EpsilonGreedy(epsilon)


@pytest.mark.parametrize("temperature", [0.0, -1.0, LinearRamp(1.0, 0.0, 10)], ids=["zero", "negative", "falling"])
def test_temperature_that_is_not_above_zero_is_refused(temperature):
    with pytest.raises(UserError, match="EpsilonGreedy.temperature"):
        EpsilonGreedy(0.1, temperature)


def test_scores_of_another_rank_are_refused():
    with pytest.raises(ValueError, match="scores has shape"):
        EpsilonGreedy().logits(tf.zeros([4]), tf.constant(0))
