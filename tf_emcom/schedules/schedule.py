"""What every schedule is."""

import abc

import tensorflow as tf

from tf_emcom.arguments import Checked


class Schedule(Checked, abc.ABC):
    """A value that depends on the step."""

    @abc.abstractmethod
    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """The value at `step` (integer []), float32 []."""

    @abc.abstractmethod
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value it can take, so that an impossible one is noticed before training."""


def progress(step: tf.Tensor, begin: float, end: float) -> tf.Tensor:
    """How far `step` is from `begin` to `end`, float32 in [0, 1]."""
    step = tf.cast(step, tf.float32)
    return tf.clip_by_value((step - begin) / max(end - begin, 1.0), 0.0, 1.0)


def bounds_of(value: "Schedule | float") -> tuple[float, float]:
    """The least and the greatest value of a schedule, or a plain number twice."""
    return value.bounds() if isinstance(value, Schedule) else (value, value)


def at(value: "Schedule | float | tf.Tensor", step: tf.Tensor) -> tf.Tensor:
    """The value, float32 [], at `step` of a schedule, or of a number, which is a constant schedule."""
    return value(step) if isinstance(value, Schedule) else tf.convert_to_tensor(value, tf.float32)
