"""Choosing rows, and choosing together."""

from collections.abc import Sequence

import tensorflow as tf

from tf_emcom.checks import assert_ranks


def take(values: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """`values[..., positions]` for values [..., C] and int positions [...]."""
    return tf.gather(values, positions, axis=-1, batch_dims=positions.shape.rank)


def take_shown(scores: tf.Tensor, shown: tf.Tensor | None) -> tf.Tensor:
    """The scores [B, C] of the candidates that each game shows, int [B, C], out of those of all, [B, N].

    None: every game shows all of them.
    """
    if shown is None:
        return scores
    assert_ranks(scores=(scores, 2), shown=(shown, 2))
    return tf.gather(scores, shown, axis=1, batch_dims=1)


def vote(scores: Sequence[tf.Tensor]) -> tf.Tensor:
    """The candidate with the largest mean probability: argmax_c Σ_l softmax(s_l)_c, the first one of several.

    Scores are one tensor [B, C] a listener, candidates int32 [B]. As in Chaabouni et al. 2022, "Emergent communication
    at scale", where listeners vote.
    """
    total = tf.zeros_like(scores[0])
    # Added up one by one: no tensor of all listeners' scores is made.
    for each in scores:
        assert_ranks(scores=(each, 2))
        total += tf.nn.softmax(each)
    return tf.argmax(total, axis=-1, output_type=tf.int32)
