"""Attention and transformers in NumPy: whole passes over a whole sequence, written from the equations."""

import numpy as np
import scipy.special


def linear(layer, x):
    x = x @ layer.kernel.numpy()
    return x + layer.bias.numpy() if layer.use_bias else x


def layer_norm(layer, x):
    centred = x - x.mean(-1, keepdims=True)
    return layer.gamma.numpy() * centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6) + layer.beta.numpy()


def attention(layer, x, causal=False):
    """Game by game, head by head, position by position."""
    size = layer.units // layer.heads
    queries, keys, values = np.split(linear(layer.queries_keys_values, x), 3, axis=-1)
    gathered = np.zeros((*x.shape[:2], layer.units))
    for game in range(x.shape[0]):
        for head in range(layer.heads):
            part = slice(head * size, (head + 1) * size)
            for t in range(x.shape[1]):
                seen = t + 1 if causal else x.shape[1]
                scores = keys[game, :seen, part] @ queries[game, t, part] / np.sqrt(size)
                gathered[game, t, part] = scipy.special.softmax(scores) @ values[game, :seen, part]
    return linear(layer.gathered, gathered)


def block(layer, x, causal):
    x = x + attention(layer.attention, layer_norm(layer.attention_norm, x), causal)
    first, second = layer.mlp.layers
    return x + linear(second, np.maximum(linear(first, layer_norm(layer.mlp_norm, x)), 0))


def tokens(net, embedded):
    return linear(net.symbol_projection, embedded) + net.positions.embeddings.numpy()[: embedded.shape[1]]


def transformer(net, x, causal):
    for layer in net.blocks:
        x = block(layer, x, causal)
    return layer_norm(net.norm, x)
