"""Every layer that is a plug-in can be built again from its configuration."""

import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.contracts.discovery import plug_ins
from tests.contracts.examples import EXAMPLES
from tf_emcom.agents.heads.speaker import PolicyValue
from tf_emcom.agents.nets.layers import Identity, Mlp, Part, computing_as
from tf_emcom.agents.nets.recurrent import LstmCore

LAYERS = [key for key, cls in plug_ins().items() if issubclass(cls, keras.layers.Layer)]


def as_a_file_holds_it(config):
    return json.loads(json.dumps(config))


def outputs(example, layer):
    arguments = {name: tf.constant(value) for name, value in example.arguments.items()}
    return {name: value.numpy() for name, value in example.call(layer, arguments).items()}


def test_nets_and_heads_are_there():
    assert {"LstmCore", "Mlp", "Policy", "Cpc", "MultiMlp"} <= set(LAYERS)
    assert len(LAYERS) >= 25


@pytest.mark.parametrize("key", LAYERS)
def test_layer_is_the_same_once_it_is_built_from_its_configuration_and_given_its_weights(key):
    example = EXAMPLES[key]
    layer = example.make()
    expected = outputs(example, layer)
    again = type(layer).from_config(as_a_file_holds_it(layer.get_config()))
    again.build_from_config(as_a_file_holds_it(layer.get_build_config()))
    assert (type(again), again.name) == (type(layer), layer.name)
    assert [v.shape for v in again.weights] == [v.shape for v in layer.weights]
    again.set_weights(layer.get_weights())
    found = outputs(example, again)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_inner_layers_compute_in_the_precision_of_the_whole():
    with computing_as("mixed_bfloat16"):
        net = Mlp((4, 3))
    again = Mlp.from_config(as_a_file_holds_it(net.get_config()))
    assert {layer.compute_dtype for layer in (again, *again.layers)} == {"bfloat16"}
    assert keras.config.dtype_policy().name == "float32"


def test_layers_that_are_made_while_others_are_built_compute_alike():
    with computing_as("mixed_bfloat16"):
        head = PolicyValue(5)
        head.build((None, 4))
    again = PolicyValue.from_config(as_a_file_holds_it(head.get_config()))
    again.build_from_config(as_a_file_holds_it(head.get_build_config()))
    assert {layer.compute_dtype for layer in (again, again.policy, again.value)} == {"bfloat16"}


def test_frozen_layer_stays_frozen():
    net = Mlp((4, 3))
    net.trainable = False
    again = Mlp.from_config(as_a_file_holds_it(net.get_config()))
    again.build((None, 2))
    assert again.trainable_variables == [] and len(again.weights) == 4


def test_layer_with_keyword_arguments_in_the_manner_of_keras_is_built_again():
    class Doubled(Part):
        def __init__(self, times=2, **kwargs):
            super().__init__(**kwargs)
            self.times = times

    again = Doubled.from_config(as_a_file_holds_it(Doubled(3, name="thrice").get_config()))
    assert (again.times, again.name) == (3, "thrice")


def test_rebuilding_leaves_the_precision_in_force_alone_where_it_fails():
    with pytest.raises(ValueError):
        LstmCore.from_config({"units": 0, "dtype": "mixed_bfloat16"})
    assert keras.config.dtype_policy().name == "float32"


def test_identity_takes_what_the_configurations_of_older_runs_bind():
    former = {"activity_regularizer": None, "trainable": True, "dtype": None, "autocast": True, "name": None}
    assert set(inspect.signature(Identity.__init__).parameters) == {"self", *former}
    np.testing.assert_array_equal(Identity(**former)(np.ones((2, 3), np.float32)), np.ones((2, 3)))
