"""The mode test on a tiny world: what it says of each attribute, and of another number of best classes."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests import naming
from tests.evaluation.tests.meanings import results
from tf_emcom.agents.heads.prediction import MultiMlp
from tf_emcom.data.source import Examples
from tf_emcom.evaluation.tests.test import Test
from tf_emcom.games.channels import Clear
from tf_emcom.games.transfer import TransferGame
from tf_emcom.games.transfer_tasks import Attribute, Classification
from tf_emcom.runtime.checkpoints import Checkpoints
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.runtime.strategies import OneDevice
from tf_emcom.training.experiment import Experiment
from tf_emcom.types import Message

SMALL = functools.partial(MultiMlp, size=16)
LETTERS = ["first", "second", "third", "fourth"]


class Names:
    """All names, as every split; the training split lacks some of them."""

    name = "names"

    def __init__(self, attribute_names=None):
        self.attribute_names = attribute_names

    def features(self):
        return naming.V * naming.T

    def labels(self):
        return ("label", "attributes", "image")

    def load(self, split, labels=None):
        count = 50 if split == "train" else len(naming.NAMES)
        every = {name: values[:count] for name, values in naming.LABELS.items()}
        return Examples(naming.INPUTS[:count], every).with_labels(labels, self.name)


def measured(path, task, data, noises=(0.0, 0.5)):
    """The rows of results of a listener that has learnt nothing yet, and the listener."""
    learner = lambda game, features, batch_size, seed: naming.learner(game.task, game.channel, batch_size)  # noqa: E731
    experiment = Experiment(OneDevice(False), TransferGame(Clear(), task), data, learner, batch_size=27)
    folder = RunFolder(str(path))
    folder.prepare_results()
    Checkpoints(folder.checkpoints, experiment.learner).save(3)
    Test(noises=noises, passes=2).run(experiment, folder)
    return results(folder, "test"), experiment.learner.listener


@pytest.mark.parametrize(
    ("called", "names"),
    [(LETTERS, LETTERS), (None, ["0", "1", "2", "3"]), (LETTERS[:2], ["0", "1", "2", "3"]), (4 * ["a"], list("0123"))],
    ids=["named", "without names", "with too few names", "of one name"],
)
def test_results_have_the_accuracy_at_each_attribute_by_its_name(tmp_path, capsys, called, names):
    rows, listener = measured(tmp_path, Attribute(4, head_cls=SMALL), Names(called))
    asked = naming.LABELS["attributes"]
    right = listener.predictions(Message(tf.constant(naming.NAMES))).numpy().argmax(axis=-1) == asked
    by_label = rows[0]["by_label"]
    assert list(by_label) == names
    for i, found in enumerate(by_label.values()):
        assert found["accuracy"] == pytest.approx(right[:, i].mean())
        low, high = found["interval"]
        assert low < found["accuracy"] < high
        most = np.bincount(asked[:50, i]).argmax()
        assert found["without_message"] == pytest.approx((asked[:, i] == most).mean())
    for row in rows:
        at_each = row["by_label"].values()
        assert np.mean([found["accuracy"] for found in at_each]) == pytest.approx(row["accuracy"])
        assert np.mean([found["without_message"] for found in at_each]) == pytest.approx(row["without_message"])
        assert not [name for name in row if "at label" in name]
    printed = capsys.readouterr().out
    # Among all metrics, those of each attribute would hide the others.
    assert "without message" in printed and LETTERS[0] not in printed and "those of each label" in printed


def test_a_task_with_one_label_has_nothing_to_tell_apart(tmp_path, capsys):
    rows, _ = measured(tmp_path, Classification(9, SMALL, top=3), Names(LETTERS), noises=(0.0,))
    assert "by_label" not in rows[0]
    assert 0 <= rows[0]["intervals"]["top3"][0] <= rows[0]["top3"] <= rows[0]["intervals"]["top3"][1] <= 1
    assert rows[0]["top3"] >= rows[0]["accuracy"]
    heads = capsys.readouterr().out.splitlines()[0].split("  ")
    assert [head.strip() for head in heads if head] == [
        *("noise", "accuracy", "top3", "loss", "without message", "its top3")
    ]
