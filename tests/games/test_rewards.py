import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.games.rewards import LengthCost, LogProbability, Success
from tf_emcom.types import Candidates, Hearing, Speech

SCORES = np.log([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]).astype(np.float32)


def pay(reward, success=(1.0, 0.0), scores=SCORES):
    candidates = Candidates(None, None, tf.constant([1, 2]))
    speech = Speech(*[None] * 6, lengths=tf.constant([3, 0]))
    hearing = Hearing(tf.convert_to_tensor(scores), None, None)
    return reward(tf.convert_to_tensor(success), speech, hearing, candidates)


@pytest.mark.parametrize(
    ("reward", "success", "expected"),
    [
        (Success(), [1.0, 0.0], [1.0, 0.0]),
        (Success(1.0, -1.0), [1.0, 0.0], [1.0, -1.0]),
        (Success(3.0, 1.0), [0.5, 0.25], [2.0, 1.5]),
    ],
)
def test_success_pays_between_lose_and_win(reward, success, expected):
    assert pay(reward, success).numpy().tolist() == expected


def test_log_probability_pays_the_confidence_in_the_right_candidate():
    np.testing.assert_allclose(pay(LogProbability()), [np.log(0.25), np.log(0.7)], atol=1e-6)


def test_log_probability_of_several_labels_is_their_mean():
    scores = np.stack([SCORES, SCORES[::-1]])
    candidates = Candidates(None, None, tf.constant([[0, 2], [1, 1]]))
    paid = LogProbability()(None, None, Hearing(tf.constant(scores), None, None), candidates)
    expected = [np.log([0.5, 0.7]).mean(), np.log([0.2, 0.25]).mean()]
    np.testing.assert_allclose(paid, expected, atol=1e-6)


def test_length_cost_takes_its_price_off_for_each_symbol():
    # Messages of 3 symbols and of none.
    np.testing.assert_allclose(pay(LengthCost(Success(1.0, -1.0), 0.1)), [0.7, -1.0], atol=1e-6)
    np.testing.assert_allclose(pay(LengthCost(LogProbability(), 0.0)), pay(LogProbability()), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [((Success(), -0.1), "cost"), ((Success, 0.1), "object of a Reward; .*with the parentheses")],
)
def test_impossible_costs_are_refused(arguments, match):
    with pytest.raises(UserError, match=f"LengthCost.*{match}"):
        LengthCost(*arguments)


@pytest.mark.parametrize("reward", [Success(), LogProbability(), LengthCost(Success())])
def test_no_gradient_flows_through_the_pay(reward):
    success, scores = tf.constant([1.0, 0.0]), tf.constant(SCORES)
    with tf.GradientTape() as tape:
        tape.watch([success, scores])
        paid = pay(reward, success, scores)
    assert tape.gradient(paid, [success, scores]) == [None, None]
