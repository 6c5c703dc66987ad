"""What several listeners choose together."""

from collections.abc import Sequence

import tensorflow as tf

from tf_emcom.shapes import assert_ranks


def vote(scores: Sequence[tf.Tensor]) -> tf.Tensor:
    """The candidate with the largest mean probability: argmax_c Σ_l softmax(s_l)_c, the first one of several.

    As in Chaabouni et al. 2022, "Emergent communication at scale", where listeners vote.

    Args:
      scores: one tensor [B, C] a listener.

    Returns:
      int32 [B].
    """
    total = tf.zeros_like(scores[0])
    # Added up one by one: no tensor of all listeners' scores is made.
    for each in scores:
        assert_ranks(scores=(each, 2))
        total += tf.nn.softmax(each)
    return tf.argmax(total, axis=-1, output_type=tf.int32)
