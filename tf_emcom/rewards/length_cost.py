"""Pay less for more words."""

import tensorflow as tf

from tf_emcom.errors import require_number
from tf_emcom.rewards.reward import Reward
from tf_emcom.types import Candidates, Hearing, Speech


class LengthCost(Reward):
    """Another reward, less a cost for each symbol before the message ends (Chaabouni et al. 2019).

    It moves a speaker that learns by reward and whose messages can end (`Speaker.grammar = @EndSymbol()`); to others it
    is a constant, or nothing.
    """

    def __init__(self, reward: Reward, cost: float = 0.01) -> None:
        """`cost` is what one symbol costs, 0 or more; UserError otherwise."""
        require_number("LengthCost.cost", cost, 0, float("inf"), "it is what a symbol takes off the reward")
        self.reward = reward
        self.cost = cost

    def __call__(self, success: tf.Tensor, speech: Speech, hearing: Hearing, candidates: Candidates) -> tf.Tensor:
        """[B], the other reward less the cost of the message."""
        cost = self.cost * tf.cast(speech.lengths, tf.float32)
        return self.reward(success, speech, hearing, candidates) - cost
