"""A value that shrinks by a constant factor."""

import math

import tensorflow as tf

from tf_emcom.errors import UserError, require_integer
from tf_emcom.schedules.schedule import Schedule


class ExponentialDecay(Schedule):
    """`start` · `rate`^(step / `every`), never below `floor`."""

    def __init__(self, start: float, rate: float, every: int, floor: float = 0.0) -> None:
        """UserError unless start and rate are at least 0 and `every` is a number of steps."""
        require_integer(
            "ExponentialDecay.every", every, 1, "it counts the steps in which the value shrinks by the rate"
        )
        if start < 0 or rate < 0:
            raise UserError(f"ExponentialDecay has start {start} and rate {rate}; bind both to 0 or more.")
        self.start = start
        self.rate = rate
        self.every = every
        self.floor = floor

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """The value at `step`, float32 []."""
        return tf.maximum(self.start * self.rate ** (tf.cast(step, tf.float32) / self.every), self.floor)

    def bounds(self) -> tuple[float, float]:
        """Floor and start; a rate above 1 has no upper bound."""
        if self.rate > 1:
            return max(self.start, self.floor), math.inf
        return self.floor, max(self.start, self.floor)
