"""Taking one value, or some values, of each row."""

import tensorflow as tf

from tf_emcom.shapes import assert_ranks


def take(values: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """`values[..., positions]` for values [..., C] and int positions [...]."""
    return tf.gather(values, positions, axis=-1, batch_dims=positions.shape.rank)


def take_shown(scores: tf.Tensor, shown: tf.Tensor | None) -> tf.Tensor:
    """The scores of the candidates that each game shows.

    Args:
      scores: [B, N], of all candidates of the batch.
      shown: int [B, C], or None where every game shows all of them.

    Returns:
      [B, C].
    """
    if shown is None:
        return scores
    assert_ranks(scores=(scores, 2), shown=(shown, 2))
    return tf.gather(scores, shown, axis=1, batch_dims=1)
