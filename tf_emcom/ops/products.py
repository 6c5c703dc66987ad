"""Matrix products, laid out for the machine."""

from collections.abc import Callable

import tensorflow as tf

from tf_emcom.shapes import assert_ranks


def turned(matrix: tf.Tensor) -> tf.Tensor:
    """The transpose of [K, N] for `product`, detached, which no optimisation of TensorFlow's folds away again."""
    return tf.einsum("kn->nk", tf.stop_gradient(matrix))


@tf.custom_gradient
def product(left: tf.Tensor, right: tf.Tensor, right_turned: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """Left · right, for a matrix that many rows are multiplied with, one after the other.

    On CPUs the rows of a matrix as wide as a power of two lie in the same places of the cache, and a product with few
    rows on the left takes up to twice as long as one with the transpose; the gradient's products do not. XLA makes one
    program of both.

    Args:
      left: [B, K].
      right: [K, N].
      right_turned: `turned(right)`, [N, K].

    Returns:
      [B, N].
    """
    assert_ranks(left=(left, 2), right=(right, 2), right_turned=(right_turned, 2))

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, None]:
        return tf.matmul(upstream, right, transpose_b=True), tf.matmul(left, upstream, transpose_a=True), None

    return tf.matmul(left, right_turned, transpose_b=True), gradient
