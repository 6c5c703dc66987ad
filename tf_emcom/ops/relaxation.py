"""Symbols that gradients pass through: rows of probabilities in place of ids."""

import tensorflow as tf

from tf_emcom.shapes import assert_ranks


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

    Args:
      relaxed: [B, T, V].
      sent: int [B, T], the hard form of `relaxed`.
      received: int [B, T] in [0, V], where V is UNK.

    Returns:
      [B, T, V + 1].
    """
    assert_ranks(relaxed=(relaxed, 3), sent=(sent, 2), received=(received, 2))
    soft = with_extra_id(relaxed)
    hard = tf.one_hot(received, soft.shape[-1], dtype=soft.dtype)
    return tf.where((received == sent)[..., tf.newaxis], soft, hard)
