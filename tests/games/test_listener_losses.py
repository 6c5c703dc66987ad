import numpy as np
import pytest
import tensorflow as tf

from tests.games import plays
from tf_emcom.errors import UserError
from tf_emcom.games.losses import (
    ListenerAdvantageReinforce,
    ListenerClassification,
    ListenerContrastive,
    ListenerReinforce,
    ListenerReinforceWithoutBaseline,
)
from tf_emcom.schedules import LinearRamp

SCORES = np.log([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]).astype(np.float32)
TARGET = [0, 1]
CHOICE = ([0, 2], [-0.5, -1.5], [1.0, 0.5])
VALUE = [0.5, 0.0]
Q_VALUES = [[2.0, 9.0, 9.0], [9.0, 9.0, -0.5]]
REWARD = [1.0, -1.0]
SUCCESS = [1.0, 0.0]

REINFORCE = {
    # −(1 − 0.5)·−0.5 and −(−1 − 0)·−1.5.
    "listener_policy_loss": [0.25, -1.5],
    "listener_value_loss": [0.25, 1.0],
    "listener_entropy_loss": [-0.1, -0.05],
    "listener_entropy": [1.0, 0.5],
    "listener_entropy_success": [1.0, 0.0],
    "listener_entropy_failure": [0.0, 0.5],
    "listener_value": [0.5, 0.0],
    "listener_loss": [0.25 - 0.1 + 0.2 * 0.25, -1.5 - 0.05 + 0.2 * 1.0],
}
WITHOUT_BASELINE = {
    # −1·−0.5 and −(−1)·−1.5.
    "listener_policy_loss": [0.5, -1.5],
    "listener_entropy_loss": [-0.1, -0.05],
    "listener_entropy": [1.0, 0.5],
    "listener_entropy_success": [1.0, 0.0],
    "listener_entropy_failure": [0.0, 0.5],
    "listener_loss": [0.5 - 0.1, -1.5 - 0.05],
}
ADVANTAGE = {
    # Advantages 2 − 0.5 and −0.5 − 0.
    "listener_policy_loss": [0.75, -0.75],
    "listener_action_value_loss": [1.0, 0.25],
    "listener_value_loss": [0.25, 1.0],
    "listener_entropy_loss": [-0.1, -0.05],
    "listener_entropy": [1.0, 0.5],
    "listener_entropy_success": [1.0, 0.0],
    "listener_entropy_failure": [0.0, 0.5],
    "listener_value": [0.5, 0.0],
    "listener_q_value": [2.0, -0.5],
    "listener_loss": [0.75 - 0.1 + 0.2 * 1.25, -0.75 - 0.05 + 0.2 * 1.25],
}
REINFORCED = [ListenerReinforce(0.1, 0.2), ListenerAdvantageReinforce(0.1, 0.2)]


def play(value=VALUE, q_values=Q_VALUES):
    return plays.listener_play(SCORES, TARGET, value, q_values, CHOICE, REWARD, SUCCESS)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (ListenerContrastive(), {"listener_loss": [np.log(2), np.log(5)]}),
        (REINFORCED[0], REINFORCE),
        (REINFORCED[1], ADVANTAGE),
        (ListenerReinforceWithoutBaseline(0.1), WITHOUT_BASELINE),
    ],
    ids=["contrastive", "reinforce", "advantage reinforce", "without baseline"],
)
def test_terms_are_those_worked_out_by_hand(loss, expected):
    result = loss(play(), tf.constant(0))
    assert set(result.terms) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(result.terms[name], value, atol=1e-6, err_msg=name)
    np.testing.assert_array_equal(result.loss, result.terms["listener_loss"])


def test_coefficients_follow_their_schedules():
    loss = ListenerReinforce(LinearRamp(0.0, 1.0, 10), LinearRamp(1.0, 0.0, 10))(play(), tf.constant(4)).loss
    np.testing.assert_allclose(loss, [0.25 - 0.4 * 1.0 + 0.6 * 0.25, -1.5 - 0.4 * 0.5 + 0.6 * 1.0], atol=1e-6)


@pytest.mark.parametrize("loss", [ListenerReinforce(), ListenerAdvantageReinforce()])
def test_defaults_are_those_of_the_paper(loss):
    terms = {name: np.array(value) for name, value in loss(play(), tf.constant(0)).terms.items()}
    critics = terms["listener_value_loss"] + terms.get("listener_action_value_loss", 0.0)
    expected = terms["listener_policy_loss"] - 1e-4 * terms["listener_entropy"] + 1e-3 * critics
    np.testing.assert_allclose(terms["listener_loss"], expected, atol=1e-6)


@pytest.mark.parametrize("loss", REINFORCED)
def test_critics_learn_from_the_reward_alone_and_policies_from_the_advantage(loss):
    given = play()
    with tf.GradientTape() as tape:
        reward = given.outcome.reward
        sources = given.choice.log_probs, given.hearing.value, given.hearing.q_values
        tape.watch([reward, *sources])
        total = loss(given, tf.constant(0)).loss
    of_reward, of_log_probs, of_value, of_q_values = tape.gradient(total, [reward, *sources])
    assert of_reward is None
    np.testing.assert_allclose(of_value, 0.2 * 2 * np.array([0.5 - 1.0, 0.0 + 1.0]), atol=1e-6)
    if type(loss) is ListenerReinforce:
        assert of_q_values is None
        np.testing.assert_allclose(of_log_probs, [-0.5, 1.0], atol=1e-6)
    else:
        np.testing.assert_allclose(of_q_values, 0.2 * 2 * np.array([[1.0, 0, 0], [0, 0, 0.5]]), atol=1e-6)
        np.testing.assert_allclose(of_log_probs, [-1.5, 0.5], atol=1e-6)


@pytest.mark.parametrize(
    ("loss", "missing", "head"),
    [
        (REINFORCED[0], {"value": None}, "NormMergePolicyValue"),
        (REINFORCED[1], {"value": None}, "NormMergePolicyQValue"),
        (REINFORCED[1], {"q_values": None}, "NormMergePolicyQValue"),
    ],
)
def test_head_without_what_the_loss_needs_is_refused_with_one_that_has_it(loss, missing, head):
    with pytest.raises(UserError, match=f"{type(loss).__name__} needs .*{head}"):
        loss(play(**missing), tf.constant(0))


def test_contrastive_learning_needs_neither_critics_nor_a_choice():
    given = plays.listener_play(SCORES, TARGET)
    np.testing.assert_allclose(ListenerContrastive()(given, tf.constant(0)).loss, [np.log(2), np.log(5)], atol=1e-6)


def test_classification_is_the_mean_over_labels():
    given = plays.listener_play(np.stack([SCORES, SCORES[::-1]]), [[0, 2], [1, 1]])
    terms = ListenerClassification()(given, tf.constant(0))
    expected = [np.log([2, 1 / 0.7]).mean(), np.log([5, 4]).mean()]
    np.testing.assert_allclose(terms.loss, expected, atol=1e-6)
    assert set(terms.terms) == {"listener_loss"}


def test_best_five_are_told_where_there_are_more_classes():
    scores = np.arange(7, 0, -1, dtype=np.float32) * np.ones((2, 2, 1), np.float32)
    terms = ListenerClassification()(plays.listener_play(scores, [[0, 4], [5, 1]]), tf.constant(0)).terms
    assert terms["listener_top5"].numpy().tolist() == [1.0, 0.5]


@pytest.mark.parametrize("top", [1, 2, 3, 6])
def test_the_number_of_best_classes_can_be_chosen(top):
    # The class of label i is the best but i: one label of four is among the best, and one more with each.
    scores = np.arange(7, 0, -1, dtype=np.float32) * np.ones((1, 4, 1), np.float32)
    terms = ListenerClassification(top)(plays.listener_play(scores, [[0, 1, 2, 3]]), tf.constant(0)).terms
    assert terms.keys() == {"listener_loss", f"listener_top{top}"}
    assert terms[f"listener_top{top}"].numpy().tolist() == [min(top / 4, 1.0)]


@pytest.mark.parametrize(
    ("loss", "scores", "task"),
    [
        (ListenerClassification(), SCORES, "Naming"),
        (ListenerContrastive(), SCORES[None], "Discrimination"),
        (ListenerReinforceWithoutBaseline(), SCORES[None], "Discrimination"),
    ],
)
def test_loss_of_another_task_is_refused(loss, scores, task):
    with pytest.raises(UserError, match=task):
        loss(plays.listener_play(scores, TARGET), tf.constant(0))


def test_without_a_baseline_it_is_reinforce_with_a_value_of_zero_and_no_critic():
    zero = play(value=[0.0, 0.0])
    plain = ListenerReinforceWithoutBaseline()(play(value=None, q_values=None), tf.constant(0))
    np.testing.assert_array_equal(plain.loss, ListenerReinforce(1e-4, 0.0)(zero, tf.constant(0)).loss)
