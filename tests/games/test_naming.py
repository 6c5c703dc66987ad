import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.agents.heads.prediction import MultiMlp
from tf_emcom.errors import UserError
from tf_emcom.games.policies import Greedy
from tf_emcom.games.tasks import Naming
from tf_emcom.types import Batch, Candidates, Message

SCORES = np.array([[[3.0, 1.0, 2.0], [0.0, 1.0, 0.5]], [[0.0, 0.0, 9.0], [2.0, 1.0, 0.0]]], np.float32)


class Teller:
    """A listener whose predictions are given."""

    def predictions(self, message):
        return tf.constant(SCORES)


def candidates(labels, task=None):
    return (task or Naming(3)).candidates(Batch(None, {"label": tf.constant(labels)}), None, None)


@pytest.mark.parametrize(("labels", "target"), [([2, 0], [[2], [0]]), ([[2, 1], [0, 1]], [[2, 1], [0, 1]])])
def test_targets_are_the_labels_one_or_several(labels, target):
    found = candidates(np.array(labels, np.int64))
    assert (found.inputs, found.shown, found.target.dtype) == (None, None, tf.int32)
    np.testing.assert_array_equal(found.target, target)


def test_success_is_the_share_of_labels_told_right():
    task = Naming(3)
    wanted = candidates([[0, 1], [2, 2]])
    hearing = task.hear(Teller(), Message(None), wanted)
    np.testing.assert_array_equal(hearing.scores, SCORES)
    choice = Greedy()(hearing.scores, tf.constant(0), None)
    assert choice.candidates.numpy().tolist() == [[0, 1], [2, 0]]
    assert task.success(choice, wanted).numpy().tolist() == [1.0, 0.5]


def test_candidates_are_the_classes_whatever_the_batch():
    assert [Naming(7).candidates_per_game(games) for games in (1, 64)] == [7, 7]


def test_labels_are_asked_of_the_data():
    assert Naming(3).labels == ("label",)
    assert Naming(3, "factors").labels == ("factors",)


@pytest.mark.parametrize(("classes", "labels"), [(4, 2), (3, 1), (3, 3)])
def test_head_of_other_sizes_is_refused(classes, labels):
    target = Candidates(None, None, tf.zeros([2, labels], tf.int32))
    with pytest.raises(UserError, match=rf"\(2, 3\), but .* \({labels}, {classes}\), .*set MultiMlp"):
        Naming(classes).hear(Teller(), Message(None), target)


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        ({}, "lacks"),
        ({"image": np.zeros(2)}, "lacks .*image"),
        ({"label": np.array([0.0, 1.0])}, "float64"),
        ({"label": np.array([-1, 1])}, "from -1 on"),
        ({"label": np.array([[0, 1], [2, 5]])}, "0 to 5, .*3 classes, .* to 6 or more"),
    ],
    ids=["none", "another", "no whole numbers", "below 0", "above the classes"],
)
def test_labels_that_do_not_fit_are_refused_in_one_sentence(labels, match):
    with pytest.raises(UserError, match=match):
        Naming(3).check_labels(labels, "digits")


@pytest.mark.parametrize("values", [np.array([0, 2]), np.array([[True, False]]), np.zeros(0, np.uint8)])
def test_labels_that_fit_are_taken(values):
    Naming(3).check_labels({"label": values}, "digits")


def test_fewer_than_two_classes_are_refused():
    with pytest.raises(UserError, match="Naming.classes"):
        Naming(1)


def test_head_of_the_game_gives_scores_of_every_class_of_every_label():
    head = MultiMlp(2, 3, 4)
    head.build((None, 5), (3, 6))
    assert head.predictions(tf.zeros([7, 5])).shape == (7, 2, 3)
