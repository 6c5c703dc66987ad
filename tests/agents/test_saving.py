"""Agents written down in JSON and in Keras' files, and read again."""

import functools
import json
import sys
import types
import zipfile

import gin
import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.agents.grammar import EndSymbol
from tf_emcom.agents.heads.listener import Cpc, NormMergePolicyQValue
from tf_emcom.agents.heads.prediction import ImageDecoder
from tf_emcom.agents.heads.speaker import Policy
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.layers import Mlp, computing_as
from tf_emcom.agents.nets.recurrent import DiscreteLstm, GruCore, LstmCore
from tf_emcom.agents.nets.transformer import TransformerCore, TransformerReader
from tf_emcom.agents.sampling import Drawn, GumbelSoftmax, Sampler, StraightThrough
from tf_emcom.agents.saving import described, rebuilt
from tf_emcom.agents.speaker import Speaker
from tf_emcom.errors import UserError
from tf_emcom.schedules import Joined, LinearRamp
from tf_emcom.seeds import step_stream

B, F, V, T = 6, 5, 7, 4
INPUTS = tf.constant(np.random.default_rng(0).normal(size=(B, F)).astype(np.float32))
MESSAGES = tf.constant(np.random.default_rng(1).integers(0, V + 1, (B, T)).astype(np.int32))

SPEAKERS = {
    "usual": functools.partial(Speaker, core_cls=functools.partial(LstmCore, 8)),
    "gumbel": functools.partial(
        Speaker,
        torso_cls=functools.partial(Mlp, (6, 3)),
        core_cls=functools.partial(GruCore, 8),
        head_cls=Policy,
        embedding_size=3,
        sampler=GumbelSoftmax(Joined([LinearRamp(2.0, 1.0, 4), 0.5], [6])),
        grammar=EndSymbol(),
    ),
    "transformer": functools.partial(
        Speaker, core_cls=functools.partial(TransformerCore, 8, 2, longest=T), sampler=StraightThrough(0.7)
    ),
}
LISTENERS = {
    "usual": functools.partial(
        Listener, core_cls=functools.partial(LstmCore, 8), head_cls=functools.partial(Cpc, 6, None)
    ),
    "critics": functools.partial(
        Listener,
        core_cls=functools.partial(GruCore, 8),
        head_cls=functools.partial(NormMergePolicyQValue, 6),
        torso_cls=functools.partial(DiscreteLstm, units=5),
    ),
    "reader": functools.partial(
        Listener, core_cls=functools.partial(TransformerReader, 8, 2, longest=T), embedding_size=3
    ),
    "painter": functools.partial(
        Listener, core_cls=functools.partial(LstmCore, 8), head_cls=functools.partial(ImageDecoder, 4, (3, 2))
    ),
}


def made_speaker(key):
    speaker = SPEAKERS[key](V, T)
    speaker.build((None, F))
    return strong(speaker)


def made_listener(key):
    listener = LISTENERS[key](V)
    listener.build((B, F))
    return strong(listener)


def strong(agent):
    """Weights that matter, so that what is heard is no rounding."""
    generator = np.random.default_rng(2)
    for weight in agent.weights:
        weight.assign(generator.normal(0, 1, weight.shape))
    return agent


def spoken(speaker):
    """All that a speaker does, sampling included."""
    stream = step_stream(0, tf.constant(3), tf.constant(0), B, B)
    speeches = (speaker.greedy(INPUTS), speaker.sample(INPUTS, tf.constant(5), stream))
    return [np.asarray(part) for speech in speeches for part in speech if part is not None]


def heard(listener):
    painted = isinstance(listener.head, ImageDecoder)
    return np.asarray(listener(MESSAGES if painted else (MESSAGES, INPUTS)))


@pytest.mark.parametrize("key", SPEAKERS)
def test_speaker_is_the_same_once_it_is_built_from_json_and_given_its_weights(key):
    speaker = made_speaker(key)
    again = Speaker.from_config(json.loads(json.dumps(speaker.get_config())))
    again.build((None, F))
    assert [v.shape for v in again.trainable_variables] == [v.shape for v in speaker.trainable_variables]
    again.set_weights(speaker.get_weights())
    for part, other in zip(spoken(again), spoken(speaker), strict=True):
        np.testing.assert_array_equal(part, other)
    assert json.dumps(again.get_config()) == json.dumps(speaker.get_config())


@pytest.mark.parametrize("key", LISTENERS)
def test_listener_is_the_same_once_it_is_built_from_json_and_given_its_weights(key):
    listener = made_listener(key)
    again = Listener.from_config(json.loads(json.dumps(listener.get_config())))
    again.build((B, F))
    assert [v.shape for v in again.trainable_variables] == [v.shape for v in listener.trainable_variables]
    again.set_weights(listener.get_weights())
    np.testing.assert_array_equal(heard(again), heard(listener))
    assert json.dumps(again.get_config()) == json.dumps(listener.get_config())


def stored_numbers(path):
    """How many numbers a .keras file has as weights."""
    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as file, h5py.File(file) as weights:
        counts = []
        weights.visititems(lambda _, item: counts.append(item.size) if isinstance(item, h5py.Dataset) else None)
    return sum(counts)


@pytest.mark.parametrize("key", SPEAKERS)
def test_saved_speaker_is_loaded_with_all_its_weights(tmp_path, key):
    speaker = made_speaker(key)
    speaker.save(tmp_path / "speaker.keras")
    assert stored_numbers(tmp_path / "speaker.keras") == speaker.count_params()
    loaded = keras.saving.load_model(tmp_path / "speaker.keras")
    assert type(loaded) is Speaker
    for part, other in zip(spoken(loaded), spoken(speaker), strict=True):
        np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("key", LISTENERS)
def test_saved_listener_is_loaded_with_all_its_weights(tmp_path, key):
    listener = made_listener(key)
    listener.save(tmp_path / "listener.keras")
    assert stored_numbers(tmp_path / "listener.keras") == listener.count_params()
    loaded = keras.saving.load_model(tmp_path / "listener.keras")
    assert type(loaded) is Listener
    np.testing.assert_array_equal(heard(loaded), heard(listener))


def test_agent_of_half_precision_is_loaded_as_one(tmp_path):
    with computing_as("mixed_bfloat16"):
        speaker = made_speaker("usual")
    speaker.save(tmp_path / "speaker.keras")
    loaded = keras.saving.load_model(tmp_path / "speaker.keras")
    layers = (loaded.core, loaded.to_state, loaded.embedding, loaded.head.policy, loaded.head.dueling.value)
    assert {layer.compute_dtype for layer in layers} == {"bfloat16"}
    np.testing.assert_array_equal(loaded(INPUTS), speaker(INPUTS))


class Muttered(Sampler):
    """A sampler that forgets how loud it is."""

    def __init__(self, loudness):
        self._loudness = loudness

    def draws(self, vocab_size):
        return ()

    def __call__(self, logits, uniform, step):
        return tf.argmax(logits, -1, output_type=tf.int32), None


def test_part_that_forgets_its_arguments_is_named():
    with pytest.raises(UserError, match="Muttered does not keep its argument 'loudness'.*assign self.loudness"):
        Speaker(V, T, sampler=Muttered(3)).get_config()


def test_schedule_within_an_articulation_is_described():
    ramp = described(GumbelSoftmax(LinearRamp(2.0, 1.0, 4)))["config"]["temperature"]
    assert ramp == {
        "package": "tf_emcom",
        "class_name": "LinearRamp",
        "config": {"start": 2.0, "end": 1.0, "steps": 4, "fraction": 1.0},
    }


@pytest.mark.parametrize("place", [{"package": "tf_emcom"}, {"module": "tf_emcom.schedules.constant"}])
def test_class_is_found_by_its_name_wherever_it_lay_when_it_was_saved(place):
    assert rebuilt({**place, "class_name": "Constant", "config": {"value": 0.5}})(3) == 0.5


@pytest.mark.parametrize(
    ("package", "name"), [("a_package", "Core"), ("subprocess", "Popen"), ("tf_emcom", "Speech"), ("tf_emcom", "None")]
)
def test_file_cannot_name_what_is_no_part_of_an_agent(package, name):
    with pytest.raises(UserError, match=f"{package}.{name}"):
        rebuilt({"package": package, "class_name": name, "config": {}})


class Twin(Drawn):
    """One of two of its name."""


class Registered(LstmCore):
    """A core of a user's own."""


def test_own_part_that_gin_has_registered_is_found():
    gin.external_configurable(Registered, module="own_parts")
    assert type(rebuilt(described(Registered(3)))) is Registered


def test_one_of_two_parts_of_a_name_is_not_guessed(monkeypatch):
    description = described(Twin())
    elsewhere = types.ModuleType(f"{__name__.partition('.')[0]}.elsewhere")
    other = elsewhere.Twin = type("Twin", (Drawn,), {"__module__": elsewhere.__name__})
    monkeypatch.setitem(sys.modules, elsewhere.__name__, elsewhere)
    with pytest.raises(UserError, match=r"test_saving and .*elsewhere have; rename one"):
        rebuilt(description)
    assert issubclass(other, Drawn)
