"""A schedule that does not change."""

import tensorflow as tf

from tf_emcom.schedules.schedule import Schedule


class Constant(Schedule):
    """Always the same value."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """The value, float32 []."""
        return tf.constant(self.value, tf.float32)

    def bounds(self) -> tuple[float, float]:
        """The value, twice."""
        return self.value, self.value
