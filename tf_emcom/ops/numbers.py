"""Products, distances and averages, in the right precision."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.eager import record  # there is no public function for it

from tf_emcom.checks import assert_ranks


def softmax(scores: tf.Tensor) -> tf.Tensor:
    """Softmax over the last axis of [..., N], computed in float32 and given in the scores' own precision."""
    return tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32)), scores.dtype)


def in_full(values: Any) -> Any:
    """A structure of float tensors, each in float32; None stays None."""
    return tf.nest.map_structure(lambda v: v if v is None else tf.cast(v, tf.float32), values)


def turned(matrix: tf.Tensor) -> tf.Tensor:
    """The transpose of [K, N] for `product`, which no optimisation of TensorFlow's folds away again."""
    return tf.einsum("kn->nk", matrix)


def product(left: tf.Tensor, right: tf.Tensor, right_turned: tf.Tensor) -> tf.Tensor:
    """Left [B, K] · right [K, N] ↦ [B, N], for a matrix that many rows are multiplied with, one after the other.

    `right_turned` is `turned(right)`. On CPUs the rows of a matrix as wide as a power of two lie in the same places of
    the cache, and a product with few rows on the left takes up to twice as long as one with the transpose; the
    gradient's products do not. XLA makes one program of both.
    """
    assert_ranks(left=(left, 2), right=(right, 2), right_turned=(right_turned, 2))

    def gradient(upstream: tf.Tensor, *_: Any) -> tuple[None, tf.Tensor, tf.Tensor]:
        return None, tf.matmul(upstream, right, transpose_b=True), tf.matmul(left, upstream, transpose_a=True)

    given = [tf.matmul(left, right_turned, transpose_b=True), left, right]
    results = tf.identity_n(given)
    # Tapes go by this. `tf.custom_gradient` would keep every graph that it is used in until the process ends; without
    # either, as where the gradient of a whole function is asked for, it goes by the transpose and comes to the same.
    record.record_operation("product", results, given, gradient)
    return results[0]


def follow(averages: Sequence[keras.Variable], sources: Sequence[keras.Variable], decay: float | tf.Tensor) -> None:
    """Average ← decay · average + (1 − decay) · source, variable by variable."""
    for average, source in zip(averages, sources, strict=True):
        average.assign(decay * average.value + (1.0 - decay) * source.value)


_SQUARED_NORM_FLOOR = 1e-12


def unit(vectors: tf.Tensor) -> tf.Tensor:
    """Vectors [..., E] at length 1; squared lengths are floored at 1e-12."""
    return vectors * tf.math.rsqrt(tf.maximum(tf.reduce_sum(vectors**2, axis=-1, keepdims=True), _SQUARED_NORM_FLOOR))


def pairwise_cosine_loss(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Squared distance of the unit vectors, d(u, v) = ‖u/‖u‖ − v/‖v‖‖² = 2 − 2 cos(u, v), for every pair.

    [B, E] and [C, E] ↦ [B, C] in [0, 4]. One matrix product: nothing of size [B, C, E] is ever made.
    """
    assert_ranks(left=(left, 2), right=(right, 2))
    return 2.0 - 2.0 * tf.matmul(unit(left), unit(right), transpose_b=True)
