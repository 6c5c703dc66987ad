"""A value that shrinks by a constant factor."""

import tensorflow as tf

from tf_emcom.schedules.schedule import Schedule


class ExponentialDecay(Schedule):
    """`start` · `rate`^(step / `every`), never below `floor`."""

    def __init__(self, start: float, rate: float, every: int, floor: float = 0.0) -> None:
        self.start = start
        self.rate = rate
        self.every = every
        self.floor = floor

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """The value at `step`, float32 []."""
        return tf.maximum(self.start * self.rate ** (tf.cast(step, tf.float32) / self.every), self.floor)
