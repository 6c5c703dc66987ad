import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.agents.nets.layers import Identity, Mlp, SymbolEmbedding

INPUTS = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)


def test_mlp_has_relu_between_its_layers_and_none_after_the_last():
    net = Mlp((5, 3))
    net.build((None, 6))
    first, second = net.layers
    hidden = np.maximum(INPUTS @ first.kernel.numpy() + first.bias.numpy(), 0)
    expected = hidden @ second.kernel.numpy() + second.bias.numpy()
    assert (expected < 0).any()
    np.testing.assert_allclose(net(tf.constant(INPUTS)), expected, atol=1e-5)


def test_mlp_can_have_an_activation_after_its_last_layer():
    plain, squashed = (Mlp((5, 3), **settings) for settings in ({}, {"activation": "tanh"}))
    for layer in (plain, squashed):
        layer.build((None, 6))
    squashed.set_weights(plain.get_weights())
    np.testing.assert_allclose(squashed(tf.constant(INPUTS)), np.tanh(plain(tf.constant(INPUTS))), atol=1e-6)


@pytest.mark.parametrize("widths", [(), (7,), (7, 2)])
def test_mlp_says_how_wide_its_outputs_are(widths):
    net = Mlp(widths)
    net.build((None, 6))
    assert net(tf.constant(INPUTS)).shape[-1] == net.output_size(6)


def test_identity_passes_its_inputs_on():
    np.testing.assert_array_equal(Identity()(tf.constant(INPUTS)), INPUTS)
    assert Identity().output_size(6) == 6


def test_embedding_looks_up_rows():
    layer = SymbolEmbedding(4, 3)
    layer.build()
    table = layer.embeddings.numpy()
    ids = np.array([[0, 3], [2, 2]])
    np.testing.assert_allclose(layer(tf.constant(ids)), table[ids], atol=1e-7)


def test_only_the_rows_looked_up_learn():
    layer = SymbolEmbedding(4, 3)
    layer.build()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(tf.constant([1, 1, 3])))
    gradient = tape.gradient(total, layer.trainable_variables)[0]
    assert gradient.numpy().tolist() == [[0] * 3, [2] * 3, [0] * 3, [1] * 3]
