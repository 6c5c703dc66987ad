"""Distances and averages, in the right precision."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_emcom.checks import assert_ranks


def softmax(scores: tf.Tensor) -> tf.Tensor:
    """Softmax over the last axis of [..., N], computed in float32 and given in the scores' own precision."""
    return tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32)), scores.dtype)


def in_full(values: Any) -> Any:
    """A structure of float tensors, each in float32; None stays None."""
    return tf.nest.map_structure(lambda v: v if v is None else tf.cast(v, tf.float32), values)


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
