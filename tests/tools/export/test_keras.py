"""Weights alone, loaded into new agents."""

import functools
import json
import re

import numpy as np
import pytest
import tensorflow as tf

from tests import commands, lewis
from tests.tools.export import trainees
from tests.tools.export.trainees import F
from tf_emcom.agents.heads.prediction import ImageDecoder
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.recurrent import LstmCore
from tf_emcom.agents.nets.transformer import TransformerCore, TransformerReader
from tf_emcom.agents.speaker import Speaker
from tf_emcom.errors import UserError
from tf_emcom.games.transfer_tasks import Reconstruction
from tf_emcom.tools.export.formats import Keras
from tf_emcom.types import Candidates, Message

INPUTS = tf.constant(lewis.inputs(6))


def written(agents, folder):
    folder.mkdir()
    Keras().write(trainees.contents(agents, folder.parent), str(folder))
    return folder


def assert_same_weights(left, right):
    for one, other in zip(left, right, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_every_agent_can_be_built_and_loaded(tmp_path):
    agents = lewis.make_population(lewis.nlg, 8, 3, 2)
    folder = written(agents, tmp_path / "weights")
    files = {"metadata.json", "config.gin", "speaker.json", "listener.json"}
    files |= {f"speaker-{i}.weights.h5" for i in range(3)}
    assert {path.name for path in folder.iterdir()} == files | {f"listener-{i}.weights.h5" for i in range(2)}
    for i in range(3):
        fresh = lewis.make_learner(lewis.nlg, 8, seed=100 + i).speaker
        fresh.load_weights(folder / f"speaker-{i}.weights.h5")
        own = agents.speaker_as(i)
        assert_same_weights(fresh.get_weights(), own.get_weights())
        np.testing.assert_array_equal(fresh.greedy(INPUTS).policy_logits, own.greedy(INPUTS).policy_logits)
    message, candidates = Message(tf.constant([[0, 1, 2, 7]])), Candidates(INPUTS, None, None)
    for i in range(2):
        fresh = lewis.make_learner(lewis.nlg, 8, seed=200 + i).listener
        fresh.load_weights(folder / f"listener-{i}.weights.h5")
        np.testing.assert_array_equal(
            fresh.scores(message, candidates), agents.listener_as(i).scores(message, candidates)
        )
    assert json.loads((folder / "metadata.json").read_text())["speakers"] == 3


def test_the_example_in_the_documentation_rebuilds_the_speaker(tmp_path):
    agents = lewis.make_learner(lewis.nlg, 8)
    folder = written(agents, tmp_path / "weights")
    _, code = re.findall(r"```python\n(.*?)```", (commands.ROOT / "docs" / "export.md").read_text(), re.DOTALL)
    made = {}
    exec(compile(code.replace("DIR", str(folder)), "export.md", "exec"), made)
    np.testing.assert_array_equal(made["speaker"](INPUTS), agents.speaker(INPUTS))
    assert_same_weights(made["speaker"].get_weights(), agents.speaker.get_weights())


def test_layers_and_weights_in_lists_are_written(tmp_path):
    task = Reconstruction(functools.partial(ImageDecoder, 4, (3, 2)))
    agents, other = trainees.of_task(task), trainees.of_task(task)
    folder = written(agents, tmp_path / "weights")
    for name, fresh, own in (("speaker", other.speaker, agents.speaker), ("listener", other.listener, agents.listener)):
        for weight in fresh.trainable_variables:
            weight.assign(tf.zeros_like(weight) - 1.0)
        fresh.load_weights(folder / f"{name}-0.weights.h5")
        assert_same_weights(fresh.get_weights(), own.get_weights())


@pytest.mark.parametrize("core", [TransformerCore, TransformerReader])
def test_stacks_of_blocks_are_written(core, tmp_path):
    learner = lewis.make_learner(lewis.nlg, 8)
    learner.listener = Listener(7, core, embedding_size=5)
    learner.listener.build((8, F))
    folder = written(learner, tmp_path / "weights")
    before = learner.listener.get_weights()
    for weight in learner.listener.trainable_variables:
        weight.assign(tf.zeros_like(weight))
    learner.listener.load_weights(folder / "listener-0.weights.h5")
    assert_same_weights(learner.listener.get_weights(), before)


class Hiding(Speaker):
    """A speaker with a layer that Keras does not find."""

    def build(self, input_shape):
        super().build(input_shape)
        self._hidden = lambda: layer
        layer = LstmCore(2)
        layer.build((None, F))

    @property
    def trainable_variables(self):
        return [*super().trainable_variables, *self._hidden().trainable_variables]


def test_a_weight_that_keras_does_not_write_is_reported(tmp_path):
    agents = lewis.make_learner(lewis.nlg, 8)
    agents.speaker = Hiding(7, 4, core_cls=functools.partial(LstmCore, 8))
    agents.speaker.build((None, F))
    with pytest.raises(UserError, match="Keras wrote .* of the .* weights of a speaker"):
        written(agents, tmp_path / "weights")
