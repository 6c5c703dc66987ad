"""Contrastive predictive coding: tell the right candidate from the others."""

import tensorflow as tf

from tf_emcom.shapes import assert_ranks


def cross_entropy(scores: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """InfoNCE (van den Oord et al. 2018, eq. 4): −log softmax(scores)[target].

    Args:
      scores: [B, C].
      target: int [B].

    Returns:
      [B], nats.
    """
    assert_ranks(scores=(scores, 2), target=(target, 1))
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=scores)
