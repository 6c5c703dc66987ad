"""Pay by success."""

import tensorflow as tf

from tf_emcom.rewards.reward import Reward
from tf_emcom.types import Candidates, Hearing, Speech


class Success(Reward):
    """`win` for a success, `lose` for a failure, linear between them."""

    def __init__(self, win: float = 1.0, lose: float = 0.0) -> None:
        self.win = win
        self.lose = lose

    def __call__(self, success: tf.Tensor, speech: Speech, hearing: Hearing, candidates: Candidates) -> tf.Tensor:
        """[B] in [lose, win]."""
        return tf.stop_gradient(self.lose + (self.win - self.lose) * success)
