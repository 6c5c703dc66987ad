"""The policy that takes the best."""

import tensorflow as tf

from tf_emcom.policies.listener_policy import ListenerPolicy, choice_from
from tf_emcom.seeds import Stream
from tf_emcom.types import Choice


class Greedy(ListenerPolicy):
    """Takes the candidate with the highest score; of equal ones, the first."""

    def __call__(self, scores: tf.Tensor, step: tf.Tensor, stream: Stream) -> Choice:
        """One choice a game, from scores [B, C]."""
        return choice_from(scores, tf.argmax(scores, axis=-1, output_type=tf.int32))
