"""Gaussian noise on what agents see."""

import tensorflow as tf

from tf_emcom.shapes import assert_ranks


def spread_of(inputs: tf.Tensor) -> tf.Tensor:
    """The standard deviation of each feature over a batch: [..., B, F] ↦ [..., F], the mean square being over B."""
    return tf.math.reduce_std(inputs, axis=-2)


def add_gaussian_noise(inputs: tf.Tensor, coefficient: tf.Tensor, spread: tf.Tensor, normal: tf.Tensor) -> tf.Tensor:
    """The inputs with noise whose standard deviation is the coefficient times each feature's spread.

    Args:
      inputs: [..., B, F], one batch or several.
      coefficient: [], 0 or more; at 0 the inputs come back as they are.
      spread: [..., F], that of each batch.
      normal: [..., B, F], standard normal draws.

    Returns:
      [..., B, F].
    """
    rank = len(inputs.shape)
    assert_ranks(coefficient=(coefficient, 0), spread=(spread, rank - 1), normal=(normal, rank))
    return inputs + coefficient * spread[..., tf.newaxis, :] * normal
