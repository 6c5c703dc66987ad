import numpy as np
import pytest
import tensorflow as tf

from tests.games import plays
from tf_emcom.errors import UserError
from tf_emcom.games.losses import (
    SpeakerPolicyGradient,
    SpeakerReinforce,
    SpeakerReinforceWithoutBaseline,
    SpeakerThroughListener,
)
from tf_emcom.schedules import LinearRamp

# Two games of two symbols out of two.
SYMBOLS = [[0, 1], [1, 1]]
LOG_PROBS = [[-1.0, -2.0], [-0.5, -1.5]]
ENTROPY = [[1.0, 0.5], [0.2, 0.4]]
VALUE = [[0.5, 0.0], [1.0, 0.5]]
Q_VALUES = [[[1.5, 9.0], [9.0, 0.5]], [[9.0, 0.0], [9.0, 2.5]]]
REWARD = [1.0, 0.0]
EVEN = np.log([0.5, 0.5]).astype(np.float32)
LOGITS = np.tile(EVEN, (2, 2, 1))
# Game 0 has another target policy at both symbols, game 1 the speaker's own.
TARGET = np.stack([np.tile(np.log([0.25, 0.75]), (2, 1)), np.tile(EVEN, (2, 1))]).astype(np.float32)
KL = 0.5 * np.log(4 / 3)

REINFORCE = {
    # Game 0: mean of (1 − 0.5)·1 and (1 − 0)·2; game 1: mean of −(0 − 1)·−0.5 and −(0 − 0.5)·−1.5.
    "speaker_policy_loss": [1.25, -0.625],
    "speaker_value_loss": [0.625, 0.625],
    "speaker_entropy": [0.75, 0.3],
    "speaker_entropy_loss": [-0.075, -0.03],
    "speaker_kl_loss": [0.5 * KL, 0.0],
    "speaker_value": [0.25, 0.75],
    "speaker_loss": [1.25 + 0.625 - 0.075 + 0.5 * KL, -0.03],
}
WITHOUT_BASELINE = {
    # Game 0: mean of 1·1 and 1·2; game 1 has no reward.
    "speaker_policy_loss": [1.5, 0.0],
    "speaker_entropy": [0.75, 0.3],
    "speaker_entropy_loss": [-0.075, -0.03],
    "speaker_kl_loss": [0.5 * KL, 0.0],
    "speaker_loss": [1.5 - 0.075 + 0.5 * KL, -0.03],
}
POLICY_GRADIENT = {
    # Chosen Q-values are 1.5, 0.5 and 0, 2.5: advantages 1, 0.5 and −1, 2.
    "speaker_policy_loss": [1.0, 1.25],
    "speaker_action_value_loss": [0.25, 3.125],
    "speaker_value_loss": [0.625, 0.625],
    "speaker_entropy": [0.75, 0.3],
    "speaker_entropy_loss": [-0.075, -0.03],
    "speaker_value": [0.25, 0.75],
    "speaker_q_value": [1.0, 1.25],
    "speaker_loss": [1.0 + 0.25 + 0.625 - 0.075, 1.25 + 3.125 + 0.625 - 0.03],
}
THROUGH_LISTENER = {
    "speaker_entropy": [0.75, 0.3],
    "speaker_entropy_loss": [-0.075, -0.03],
    "speaker_kl_loss": [0.5 * KL, 0.0],
    "speaker_loss": [-0.075 + 0.5 * KL, -0.03],
}


def play(value=VALUE, q_values=Q_VALUES):
    speech = plays.speech(SYMBOLS, LOG_PROBS, ENTROPY, LOGITS, value, q_values, relaxed=LOGITS)
    return plays.speaker_play(speech, TARGET, REWARD)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (SpeakerReinforce(0.1, 0.5), REINFORCE),
        (SpeakerPolicyGradient(0.1), POLICY_GRADIENT),
        (SpeakerThroughListener(0.1, 0.5), THROUGH_LISTENER),
        (SpeakerReinforceWithoutBaseline(0.1, 0.5), WITHOUT_BASELINE),
    ],
    ids=["reinforce", "policy gradient", "through the listener", "without baseline"],
)
def test_terms_are_those_worked_out_by_hand(loss, expected):
    result = loss(play(), tf.constant(0))
    assert set(result.terms) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(result.terms[name], value, atol=1e-6, err_msg=name)
    np.testing.assert_array_equal(result.loss, result.terms["speaker_loss"])


def test_defaults_are_those_of_the_published_code():
    terms = SpeakerReinforce()(play(), tf.constant(0)).terms
    np.testing.assert_allclose(terms["speaker_entropy_loss"], [-0.75e-4, -0.3e-4], atol=1e-9)
    np.testing.assert_allclose(terms["speaker_kl_loss"], [0.5 * KL, 0.0], atol=1e-6)


def test_coefficients_follow_their_schedules():
    loss = SpeakerReinforce(LinearRamp(0.0, 1.0, 10), LinearRamp(1.0, 0.0, 10))
    terms = loss(play(), tf.constant(4)).terms
    np.testing.assert_allclose(terms["speaker_entropy_loss"], [-0.4 * 0.75, -0.4 * 0.3], atol=1e-6)
    np.testing.assert_allclose(terms["speaker_kl_loss"], [0.6 * KL, 0.0], atol=1e-6)


def test_speaker_that_is_taught_through_the_listener_is_not_pulled_by_default():
    terms = SpeakerThroughListener()(play(), tf.constant(0)).terms
    np.testing.assert_array_equal(terms["speaker_kl_loss"], [0.0, 0.0])
    np.testing.assert_allclose(terms["speaker_loss"], [-0.75e-4, -0.3e-4], atol=1e-9)


@pytest.mark.parametrize(
    "loss",
    [
        SpeakerReinforce(0.1, 0.5),
        SpeakerPolicyGradient(0.1),
        SpeakerThroughListener(1, 1),
        SpeakerReinforceWithoutBaseline(0.1, 0.5),
    ],
)
def test_no_gradient_reaches_the_reward_or_the_target_speaker(loss):
    given = play()
    with tf.GradientTape() as tape:
        reward, target = given.outcome.reward, given.target_speech.policy_logits
        tape.watch([reward, target])
        total = loss(given, tf.constant(0)).loss
    assert tape.gradient(total, [reward, target]) == [None, None]


@pytest.mark.parametrize(
    ("loss", "policy"), [(SpeakerReinforce(0, 0), [[0.5, 1.0], [-1.0, -0.5]]), (SpeakerPolicyGradient(0), [[1, 0.5],
    [-1, 2]])]
)  # fmt: skip
def test_critics_learn_from_the_reward_alone_and_policies_from_the_advantage(loss, policy):
    given = play()
    with tf.GradientTape() as tape:
        sources = given.speech.log_probs, given.speech.value, given.speech.q_values
        tape.watch(sources)
        total = loss(given, tf.constant(0)).loss
    of_log_probs, of_value, of_q_values = tape.gradient(total, sources)
    # Means over two symbols.
    np.testing.assert_allclose(of_log_probs, -np.array(policy) / 2, atol=1e-6)
    np.testing.assert_allclose(of_value, np.array(VALUE) - np.array(REWARD)[:, None], atol=1e-6)
    if isinstance(loss, SpeakerReinforce):
        assert of_q_values is None
    else:
        expected = np.zeros((2, 2, 2))
        expected[[[0, 0], [1, 1]], [[0, 1], [0, 1]], SYMBOLS] = [[0.5, -0.5], [0.0, 2.5]]
        np.testing.assert_allclose(of_q_values, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("loss", "missing", "heads"),
    [
        (SpeakerReinforce(), {"value": None}, "PolicyValue"),
        (SpeakerPolicyGradient(), {"value": None}, "PolicyQValue"),
        (SpeakerPolicyGradient(), {"q_values": None}, "PolicyQValue"),
    ],
)
def test_head_without_what_the_loss_needs_is_refused_with_one_that_has_it(loss, missing, heads):
    with pytest.raises(UserError, match=f"{type(loss).__name__} needs .*{heads}"):
        loss(play(**missing), tf.constant(0))


def test_reinforce_does_without_q_values():
    loss = SpeakerReinforce()(play(q_values=None), tf.constant(0)).loss
    np.testing.assert_array_equal(loss, SpeakerReinforce()(play(), tf.constant(0)).loss)


def test_without_a_baseline_it_is_reinforce_with_a_value_of_zero_and_no_critic():
    zero = SpeakerReinforce()(play(value=[[0.0, 0.0], [0.0, 0.0]]), tf.constant(0))
    plain = SpeakerReinforceWithoutBaseline()(play(value=None, q_values=None), tf.constant(0))
    np.testing.assert_allclose(plain.loss, zero.loss - zero.terms["speaker_value_loss"], atol=1e-6)
