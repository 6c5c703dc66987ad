"""The policy that explores."""

import tensorflow as tf

from tf_emcom.ops import categorical
from tf_emcom.policies.listener_policy import ListenerPolicy, choice_from
from tf_emcom.schedules.schedule import Schedule, at
from tf_emcom.seeds import Stream
from tf_emcom.types import Choice


class Sampled(ListenerPolicy):
    """Draws a candidate from softmax(scores / temperature)."""

    def __init__(self, temperature: Schedule | float = 1.0) -> None:
        self.temperature = temperature

    def __call__(self, scores: tf.Tensor, step: tf.Tensor, stream: Stream) -> Choice:
        """One choice a game, from scores [B, C]."""
        logits = scores / at(self.temperature, step)
        return choice_from(logits, categorical.draw(logits, stream.uniform()))
