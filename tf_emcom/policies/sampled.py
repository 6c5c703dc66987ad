"""The policy that explores."""

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.ops import categorical
from tf_emcom.policies.listener_policy import ListenerPolicy, choice_from, require_candidates
from tf_emcom.schedules.schedule import Schedule, at, bounds_of
from tf_emcom.seeds import Stream
from tf_emcom.types import Choice


class Sampled(ListenerPolicy):
    """Draws a candidate from softmax(scores / temperature)."""

    def __init__(self, temperature: Schedule | float = 1.0) -> None:
        """`temperature` above 0, constant or a schedule; UserError otherwise."""
        if not bounds_of(temperature)[0] > 0:
            raise UserError(
                f"Sampled.temperature falls to {bounds_of(temperature)[0]}, but scores are divided by it; bind it above"
                " 0, or use @Greedy() for a listener that does not explore."
            )
        self.temperature = temperature

    def __call__(self, scores: tf.Tensor, step: tf.Tensor, stream: Stream) -> Choice:
        """One choice a game, from scores [B, C]; UserError where they are of another rank."""
        require_candidates(self, scores)
        logits = scores / at(self.temperature, step)
        return choice_from(logits, categorical.draw(logits, stream.uniform()))
