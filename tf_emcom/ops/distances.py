"""Distances between vectors."""

import tensorflow as tf

from tf_emcom.shapes import assert_ranks

_SQUARED_NORM_FLOOR = 1e-12


def unit(vectors: tf.Tensor) -> tf.Tensor:
    """Vectors [..., E] at length 1; squared lengths are floored at 1e-12."""
    return vectors * tf.math.rsqrt(tf.maximum(tf.reduce_sum(vectors**2, axis=-1, keepdims=True), _SQUARED_NORM_FLOOR))


def pairwise_cosine_loss(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Squared distance of the unit vectors, d(u, v) = ‖u/‖u‖ − v/‖v‖‖² = 2 − 2 cos(u, v), for every pair.

    One matrix product: nothing of size [B, C, E] is ever made.

    Args:
      left: [B, E].
      right: [C, E].

    Returns:
      [B, C] in [0, 4].
    """
    assert_ranks(left=(left, 2), right=(right, 2))
    return 2.0 - 2.0 * tf.matmul(unit(left), unit(right), transpose_b=True)
