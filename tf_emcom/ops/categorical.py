"""Categorical distributions given by logits.

Likelihoods, entropies and divergences are TensorFlow Probability's. Draws are ours: its samplers give other numbers
under XLA than in graph mode, and need V uniforms a draw where one is enough.
"""

import tensorflow as tf
import tensorflow_probability as tfp

from tf_emcom.shapes import assert_ranks


def draw(logits: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """One draw from each distribution, by inversion of its cumulative distribution.

    Args:
      logits: [B, V].
      uniform: [B] in (0, 1).

    Returns:
      int32 [B] in [0, V).
    """
    assert_ranks(logits=(logits, 2), uniform=(uniform, 1))
    # float32, because a cumulative sum in half precision would lose the tail of a large vocabulary.
    cumulative = tf.cumsum(tf.nn.softmax(tf.cast(logits, tf.float32)), axis=-1)
    # Rounding leaves the last sum beside 1; scaling by it keeps the last symbol's share right.
    below = cumulative[:, :-1] <= uniform[:, tf.newaxis] * cumulative[:, -1:]
    return tf.reduce_sum(tf.cast(below, tf.int32), axis=-1)


def log_prob(logits: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """Log-probability [...] of `chosen` (int [...]) under `logits` [..., V]."""
    return tfp.distributions.Categorical(logits=logits).log_prob(chosen)


def entropy(logits: tf.Tensor) -> tf.Tensor:
    """Entropy in nats, [...], of `logits` [..., V]."""
    return tfp.distributions.Categorical(logits=logits).entropy()


def kl(logits: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """KL(π ‖ other) in nats, [...], both given by logits [..., V]."""
    categorical = tfp.distributions.Categorical
    return tfp.distributions.kl_divergence(categorical(logits=logits), categorical(logits=other))
