"""How well an agent has done of late."""

import keras
import tensorflow as tf

from tf_emcom.optimizers.optimizer import zeros


class RunningSuccess(tf.Module):
    """A moving average of the success of the games that an agent played, in [0, 1]; 0 before the first.

    It is the plain mean at first, and forgets with `decay` a turn once that is faster; a decay of 1 never forgets.
    """

    def __init__(self, decay: float, name: str) -> None:
        super().__init__()
        self.decay = decay
        self.mean = zeros((), "float32", f"{name}_success")
        self.turns = zeros((), "float32", f"{name}_turns")

    @property
    def state(self) -> list[keras.Variable]:
        """The mean, and over how many turns."""
        return [self.mean, self.turns]

    def update(self, success: tf.Tensor) -> None:
        """Takes in the mean success [] of one more turn."""
        turns = self.turns.value + 1.0
        rate = tf.maximum(1.0 / turns, 1.0 - self.decay)
        self.mean.assign(self.mean.value + rate * (success - self.mean.value))
        self.turns.assign(turns)
