import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.rewards.log_probability import LogProbability
from tf_emcom.rewards.success import Success
from tf_emcom.types import Candidates, Hearing

SCORES = np.log([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]).astype(np.float32)


def pay(reward, success=(1.0, 0.0), scores=SCORES):
    candidates = Candidates(None, None, tf.constant([1, 2]))
    return reward(tf.convert_to_tensor(success), Hearing(tf.convert_to_tensor(scores), None, None), candidates)


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


@pytest.mark.parametrize("reward", [Success(), LogProbability()])
def test_no_gradient_flows_through_the_pay(reward):
    success, scores = tf.constant([1.0, 0.0]), tf.constant(SCORES)
    with tf.GradientTape() as tape:
        tape.watch([success, scores])
        paid = pay(reward, success, scores)
    assert tape.gradient(paid, [success, scores]) == [None, None]
