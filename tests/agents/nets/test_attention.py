import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tests.agents.nets import attention_twins as twins
from tf_emcom.agents.nets.attention import AttentionCore, LstmAttentionCore, SelfAttention

B, T, E, H = 3, 4, 5, 6
GENERATOR = np.random.default_rng(0)
EMBEDDED = GENERATOR.normal(size=(B, T, E)).astype(np.float32)


def built(layer):
    layer.build((None, E))
    for weight in layer.weights:
        weight.assign(GENERATOR.normal(0, 0.7, weight.shape))
    return layer


@pytest.mark.parametrize("heads", [1, 2, 3, 6])
def test_self_attention_is_that_of_the_twin(heads):
    layer = built(SelfAttention(H, heads))
    np.testing.assert_allclose(layer(tf.constant(EMBEDDED)), twins.attention(layer, EMBEDDED), atol=1e-5)


def test_heads_attend_apart():
    one, two = SelfAttention(H, 1), SelfAttention(H, 2)
    for layer in (one, two):
        layer.build((None, E))
    two.set_weights(one.get_weights())
    assert np.abs(one(tf.constant(EMBEDDED)) - two(tf.constant(EMBEDDED))).max() > 1e-3


def test_positions_that_are_handed_on_one_by_one_look_back_only():
    layer, memory, outputs = built(SelfAttention(H, 2)), None, []
    for t in range(T):
        output, memory = layer.extend(tf.constant(EMBEDDED[:, t : t + 1]), memory)
        outputs.append(output)
    np.testing.assert_allclose(tf.concat(outputs, 1), twins.attention(layer, EMBEDDED, causal=True), atol=1e-5)
    assert [part.shape for part in memory] == [(B, 2, T, H // 2)] * 2


def test_attention_core_is_that_of_its_equation():
    core = built(AttentionCore(H, 3))
    hidden = np.maximum(twins.tokens(core, EMBEDDED), 0)
    assert (hidden == 0).any()
    expected = (hidden + twins.attention(core.attention, hidden)).mean(axis=1)
    np.testing.assert_allclose(core.read(tf.constant(EMBEDDED)), expected, atol=1e-5)


def lstm_outputs(cell, embedded):
    """Gates in the order i, f, c, o; from zeros."""
    h, c, outputs = np.zeros((B, H)), np.zeros((B, H)), []
    for t in range(T):
        gates = embedded[:, t] @ cell.kernel.numpy() + h @ cell.recurrent_kernel.numpy() + cell.bias.numpy()
        i, f, g, o = np.split(gates, 4, axis=1)
        c = scipy.special.expit(f) * c + scipy.special.expit(i) * np.tanh(g)
        h = scipy.special.expit(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs, 1)


def test_lstm_attention_core_is_that_of_luong():
    core = built(LstmAttentionCore(H))
    outputs = lstm_outputs(core.lstm.cell, EMBEDDED)
    expected = []
    for game in outputs:
        weights = scipy.special.softmax([game[-1] @ (o @ core.keys.kernel.numpy()) for o in game])
        context = sum(w * o for w, o in zip(weights, game, strict=True))
        expected.append(np.tanh(np.concatenate([context, game[-1]]) @ core.combined.kernel.numpy()))
    np.testing.assert_allclose(core.read(tf.constant(EMBEDDED)), expected, atol=1e-5)
