"""Every layer computes in bfloat16 where that is asked for, and comes to what it does in float32, but for rounding."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.contracts.environments import eager, made, outputs_and_gradients, trained
from tests.contracts.examples import EXAMPLES
from tf_emcom.runtime.compiler import computing_in

LAYERS = sorted(key for key, example in EXAMPLES.items() if isinstance(example.make(), keras.layers.Layer))
# bfloat16 has 8 bits; sums of a few rounded products and what cores make of them are within some of these.
ROUNDING = 2.0**-8
# Gradients are sums whose terms partly cancel, those of attention most of all.
FAR = {"outputs": 4 * ROUNDING, "gradients": 50 * ROUNDING}


def in_half_precision(key):
    example = EXAMPLES[key]
    with computing_in("mixed_bfloat16"):
        plug_in = made(key)
    arguments = {name: tf.convert_to_tensor(value) for name, value in example.arguments.items()}
    return plug_in, *outputs_and_gradients(example, plug_in, arguments)


def distance(value, wanted):
    """How far it is, in the root mean square of what was wanted."""
    value, wanted = np.asarray(value, np.float64), np.asarray(wanted, np.float64)
    return np.sqrt(np.mean((value - wanted) ** 2)) / max(np.sqrt(np.mean(wanted**2)), 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("key", LAYERS)
def test_layer_comes_to_the_same_but_for_rounding(key):
    _, *half = in_half_precision(key)
    for (kind, limit), given, wanted in zip(FAR.items(), half, eager(key), strict=True):
        assert set(given) == set(wanted)
        far = {name: distance(tf.cast(value, tf.float32), wanted[name]) for name, value in given.items()}
        assert all(value < limit for value in far.values()), (kind, far)


@pytest.mark.parametrize("key", [key for key in LAYERS if EXAMPLES[key].make().trainable_variables])
def test_weights_stay_in_full_precision_and_something_is_rounded(key):
    plug_in, outputs, gradients = in_half_precision(key)
    assert {v.dtype for v in plug_in.trainable_variables} == {"float32"}
    assert all(gradients[name].dtype == tf.float32 for name in trained(plug_in))
    wanted = eager(key)[0]
    assert any(distance(tf.cast(v, tf.float32), wanted[name]) > ROUNDING / 100 for name, v in outputs.items())
