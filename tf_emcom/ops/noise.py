"""Noise on messages and on inputs."""

from collections.abc import Sequence

import tensorflow as tf

from tf_emcom.checks import assert_ranks


def erase(symbols: tf.Tensor, probability: tf.Tensor, uniform: tf.Tensor, unknown: int) -> tf.Tensor:
    """Each of the symbols, int32 [B, T], independently becomes `unknown` with `probability`, [] or [T], one a position.

    The uniform draws are [B, T] in (0, 1).
    """
    assert_ranks(symbols=(symbols, 2), uniform=(uniform, 2))
    return tf.where(uniform < probability, unknown, symbols)


def erase_positions(symbols: tf.Tensor, positions: Sequence[int], unknown: int) -> tf.Tensor:
    """The symbols at the given positions become `unknown`; symbols int32 [B, T]."""
    assert_ranks(symbols=(symbols, 2))
    erased = tf.constant([t in set(positions) for t in range(symbols.shape[1])])
    return tf.where(erased[tf.newaxis, :], unknown, symbols)


def substitute(
    symbols: tf.Tensor, probability: tf.Tensor, uniform: tf.Tensor, replacement: tf.Tensor, vocab_size: int
) -> tf.Tensor:
    """Each of the symbols, int32 [B, T], is independently replaced, with `probability`, by a uniform draw out of V.

    The draw may be the symbol itself, so that a symbol changes with probability · (V − 1) / V. Of the uniform draws,
    [B, T] in (0, 1), `uniform` decide whether, and `replacement` by what.
    """
    assert_ranks(symbols=(symbols, 2), uniform=(uniform, 2), replacement=(replacement, 2))
    # Rounding up can turn the largest uniform into V itself.
    drawn = tf.minimum(tf.cast(replacement * vocab_size, tf.int32), vocab_size - 1)
    return tf.where(uniform < probability, drawn, symbols)


def spread_of(inputs: tf.Tensor) -> tf.Tensor:
    """The standard deviation of each feature over a batch: [..., B, F] ↦ [..., F], the mean square being over B."""
    return tf.math.reduce_std(inputs, axis=-2)


def add_gaussian_noise(inputs: tf.Tensor, coefficient: tf.Tensor, spread: tf.Tensor, normal: tf.Tensor) -> tf.Tensor:
    """The inputs, [..., B, F], with noise whose standard deviation is the coefficient times each feature's spread.

    The coefficient, [], is 0 or more; at 0 the inputs come back as they are. The spread is [..., F], that of each
    batch; `normal` are standard normal draws, [..., B, F].
    """
    rank = len(inputs.shape)
    assert_ranks(coefficient=(coefficient, 0), spread=(spread, rank - 1), normal=(normal, rank))
    return inputs + coefficient * spread[..., tf.newaxis, :] * normal
