"""Several labels of one example, each a class."""

import tensorflow as tf

from tf_emcom.shapes import assert_ranks


def cross_entropy_of_classes(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Softmax cross-entropy, mean over the labels of an example.

    Args:
      logits: [B, L, K].
      labels: int [B, L].

    Returns:
      [B], nats.
    """
    assert_ranks(logits=(logits, 3), labels=(labels, 2))
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits), axis=1)


def in_top(count: int, logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The share of an example's labels that are among the `count` classes with the highest logits, float32 [B].

    Of equal logits the lower class comes first, so that equal logits do not make everything right.

    Args:
      count: how many; 1 is accuracy.
      logits: [B, L, K].
      labels: int [B, L].
    """
    assert_ranks(logits=(logits, 3), labels=(labels, 2))
    labels = tf.cast(labels, tf.int32)
    own = tf.gather(logits, labels, axis=2, batch_dims=2)[..., tf.newaxis]
    earlier = tf.range(logits.shape[2]) < labels[..., tf.newaxis]
    ahead = (logits > own) | ((logits == own) & earlier)
    rank = tf.reduce_sum(tf.cast(ahead, tf.int32), axis=2)
    return tf.reduce_mean(tf.cast(rank < count, tf.float32), axis=1)
