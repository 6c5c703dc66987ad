"""Categorical distributions given by logits, and their relaxations.

Likelihoods, entropies and divergences are TensorFlow Probability's. Draws are ours: its samplers give other numbers
under XLA than in graph mode, and need V uniforms a draw where one is enough.
"""

from typing import Any

import tensorflow as tf

from tf_emcom.checks import assert_ranks


def draw(logits: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """One draw from each distribution: logits [B, V] and uniform draws [B] in (0, 1) ↦ int32 [B] in [0, V).

    By inversion of its cumulative distribution.
    """
    assert_ranks(logits=(logits, 2), uniform=(uniform, 1))
    # float32, because a cumulative sum in half precision would lose the tail of a large vocabulary.
    cumulative = tf.cumsum(tf.nn.softmax(tf.cast(logits, tf.float32)), axis=-1)
    # Rounding leaves the last sum beside 1; scaling by it keeps the last symbol's share right.
    below = cumulative[:, :-1] <= uniform[:, tf.newaxis] * cumulative[:, -1:]
    return tf.reduce_sum(tf.cast(below, tf.int32), axis=-1)


def _categorical(logits: tf.Tensor) -> Any:
    # Here, since not every command computes with it and its import takes half a second.
    import tensorflow_probability as tfp

    return tfp.distributions.Categorical(logits=logits)


def log_prob(logits: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """Log-probability [...] of `chosen` (int [...]) under `logits` [..., V]."""
    return _categorical(logits).log_prob(chosen)


def entropy(logits: tf.Tensor) -> tf.Tensor:
    """Entropy in nats, [...], of `logits` [..., V]."""
    return _categorical(logits).entropy()


def kl(logits: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """KL(π ‖ other) in nats, [...], both given by logits [..., V]."""
    return _categorical(logits).kl_divergence(_categorical(other))


def gumbel(uniform: tf.Tensor) -> tf.Tensor:
    """Standard Gumbel draws −log(−log(u)) from uniform ones in (0, 1), of any one shape."""
    return -tf.math.log(-tf.math.log(uniform))


def hardened(relaxed: tf.Tensor, symbols: tf.Tensor) -> tf.Tensor:
    """One-hot rows [B, V] of `symbols` int [B], whose gradient is that of `relaxed` [B, V] (straight-through)."""
    assert_ranks(relaxed=(relaxed, 2), symbols=(symbols, 1))
    # The difference is exactly zero: only its gradient counts.
    return tf.one_hot(symbols, relaxed.shape[-1], dtype=relaxed.dtype) + (relaxed - tf.stop_gradient(relaxed))


def with_extra_id(relaxed: tf.Tensor) -> tf.Tensor:
    """Soft symbols [..., V] over the V + 1 ids of an embedding, [..., V + 1]; the last has no share in them."""
    return tf.pad(relaxed, [[0, 0]] * (relaxed.shape.rank - 1) + [[0, 1]])


def arrived(relaxed: tf.Tensor, sent: tf.Tensor, received: tf.Tensor) -> tf.Tensor:
    """What a listener reads of soft symbols: the soft one where the symbol arrived as it was sent, else a hard one.

    `sent`, int [B, T], is the hard form of `relaxed`, [B, T, V]; `received` is int [B, T] in [0, V], where V is UNK.
    What is read is [B, T, V + 1].
    """
    assert_ranks(relaxed=(relaxed, 3), sent=(sent, 2), received=(received, 2))
    soft = with_extra_id(relaxed)
    hard = tf.one_hot(received, soft.shape[-1], dtype=soft.dtype)
    return tf.where((received == sent)[..., tf.newaxis], soft, hard)
