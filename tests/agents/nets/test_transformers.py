import numpy as np
import pytest
import tensorflow as tf

from tests.agents.nets import attention_twins as twins
from tf_emcom.agents.nets.transformer import TransformerBlock, TransformerCore, TransformerReader

B, T, E, H = 3, 5, 4, 6
GENERATOR = np.random.default_rng(0)
EMBEDDED = GENERATOR.normal(size=(B, T, E)).astype(np.float32)
PREFIX = GENERATOR.normal(size=(B, H)).astype(np.float32)
LAYERS = [1, 2, 3]


def built(layer, size=E):
    layer.build((None, size))
    for weight in layer.weights:
        weight.assign(GENERATOR.normal(0, 0.7, weight.shape))
    return layer


def spoken(core, embedded):
    """The outputs [B, T, H] of one step after the other."""
    state, outputs = core.split_state(tf.constant(PREFIX)), []
    for t in range(embedded.shape[1]):
        output, state = core.step(tf.constant(embedded[:, t]), state)
        outputs.append(output)
    return np.stack(outputs, 1), state


def test_block_is_that_of_the_twin():
    layer = built(TransformerBlock(H, 2), H)
    inputs = GENERATOR.normal(size=(B, T, H)).astype(np.float32)
    np.testing.assert_allclose(layer(tf.constant(inputs)), twins.block(layer, inputs, causal=False), atol=1e-4)


@pytest.mark.parametrize("layers", LAYERS)
def test_steps_are_the_rows_of_one_causal_pass(layers):
    core = built(TransformerCore(H, 2, layers, longest=T))
    whole = np.concatenate([PREFIX[:, np.newaxis], twins.tokens(core.transformer, EMBEDDED)], axis=1)
    expected = twins.transformer(core.transformer, whole, causal=True)[:, 1:]
    np.testing.assert_allclose(spoken(core, EMBEDDED)[0], expected, atol=1e-4)


@pytest.mark.parametrize("layers", LAYERS)
def test_state_grows_by_a_position_a_step(layers):
    core = built(TransformerCore(H, 2, layers))
    first = core.split_state(tf.constant(PREFIX))
    assert [part.shape for part in first] == [(B, 2, 1, H // 2)] * (2 * layers)
    assert [part.shape for part in spoken(core, EMBEDDED)[1]] == [(B, 2, 1 + T, H // 2)] * (2 * layers)


def test_later_symbols_change_no_earlier_output():
    core, other = built(TransformerCore(H, 2)), EMBEDDED.copy()
    other[:, 3] += 1
    one, two = spoken(core, EMBEDDED)[0], spoken(core, other)[0]
    np.testing.assert_array_equal(one[:, :3], two[:, :3])
    assert (np.abs(one[:, 3:] - two[:, 3:]).max(axis=-1) > 1e-4).all()


def test_core_that_listens_starts_from_a_prefix_of_zeros():
    core = built(TransformerCore(H, 2))
    whole = np.concatenate([np.zeros((B, 1, H)), twins.tokens(core.transformer, EMBEDDED)], axis=1)
    expected = twins.transformer(core.transformer, whole, causal=True)[:, -1]
    np.testing.assert_allclose(core.read(tf.constant(EMBEDDED)), expected, atol=1e-4)


@pytest.mark.parametrize("layers", LAYERS)
def test_reader_is_the_mean_of_one_pass_both_ways(layers):
    core = built(TransformerReader(H, 2, layers))
    expected = twins.transformer(core.transformer, twins.tokens(core.transformer, EMBEDDED), causal=False).mean(axis=1)
    np.testing.assert_allclose(core.read(tf.constant(EMBEDDED)), expected, atol=1e-4)
