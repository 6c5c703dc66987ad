"""Schedules: functions from the step to a value."""

import abc
import math
from collections.abc import Sequence

import tensorflow as tf

from tf_emcom.checks import Checked, Count
from tf_emcom.errors import UserError


class Schedule(Checked, abc.ABC):
    """A value that depends on the step."""

    @abc.abstractmethod
    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """The value at `step` (integer []), float32 []."""

    @abc.abstractmethod
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest value it can have, so that impossible values are found before training."""


def progress(step: tf.Tensor, begin: float, end: float) -> tf.Tensor:
    """The share of the way from `begin` to `end` that is done at `step`, float32 in [0, 1]."""
    step = tf.cast(step, tf.float32)
    return tf.clip_by_value((step - begin) / max(end - begin, 1.0), 0.0, 1.0)


def bounds_of(value: "Schedule | float") -> tuple[float, float]:
    """The bounds of a schedule, or a plain number twice."""
    return value.bounds() if isinstance(value, Schedule) else (value, value)


def at(value: "Schedule | float | tf.Tensor", step: tf.Tensor) -> tf.Tensor:
    """The value of a schedule at `step`, or a plain number, as float32 []."""
    return value(step) if isinstance(value, Schedule) else tf.convert_to_tensor(value, tf.float32)


class Constant(Schedule):
    """Always the same value."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return tf.constant(self.value, tf.float32)

    def bounds(self) -> tuple[float, float]:
        return self.value, self.value


class LinearRamp(Schedule):
    """From `start` to `end` over the first `fraction` of `steps`, constant afterwards."""

    def __init__(self, start: float, end: float, steps: int, fraction: float = 1.0) -> None:
        if not 0 < fraction <= 1:
            raise UserError(
                f"LinearRamp.fraction is {fraction}; it is the share of the steps in which the value moves, so bind it"
                " above 0 and up to 1."
            )
        self.start = start
        self.end = end
        self.steps = steps
        self.fraction = fraction
        self.last_step = steps * fraction

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return self.start + (self.end - self.start) * progress(step, 0.0, self.last_step)

    def bounds(self) -> tuple[float, float]:
        return min(self.start, self.end), max(self.start, self.end)


class CosineDecay(Schedule):
    """From `start` to `end` over `steps` along half a cosine wave (Loshchilov & Hutter 2017), then constant."""

    def __init__(self, start: float, steps: int, end: float = 0.0) -> None:
        self.start = start
        self.end = end
        self.steps = steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        wave = 0.5 * (1.0 + tf.cos(math.pi * progress(step, 0.0, self.steps)))
        return self.end + (self.start - self.end) * wave

    def bounds(self) -> tuple[float, float]:
        return min(self.start, self.end), max(self.start, self.end)


class ExponentialDecay(Schedule):
    """`start` · `rate`^(step / `every`), never below `floor`."""

    def __init__(self, start: float, rate: float, every: Count, floor: float = 0.0) -> None:
        if start < 0 or rate < 0:
            raise UserError(f"ExponentialDecay has start {start} and rate {rate}; bind both to 0 or more.")
        self.start = start
        self.rate = rate
        self.every = every
        self.floor = floor

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return tf.maximum(self.start * self.rate ** (tf.cast(step, tf.float32) / self.every), self.floor)

    def bounds(self) -> tuple[float, float]:
        if self.rate > 1:
            return max(self.start, self.floor), math.inf
        return self.floor, max(self.start, self.floor)


class Joined(Schedule):
    """`parts[0]` up to `boundaries[0]`, then `parts[1]`, and so on; plain numbers make it piecewise constant.

    Each part starts counting at its own boundary.
    """

    def __init__(self, parts: Sequence[Schedule | float], boundaries: Sequence[int]) -> None:
        if (
            len(boundaries) != len(parts) - 1
            or list(boundaries) != sorted(set(boundaries))
            or min(boundaries, default=1) < 1
        ):
            raise UserError(
                f"Joined has {len(parts)} parts and the boundaries {list(boundaries)}; bind one boundary fewer than"
                " parts, in rising order and above 0."
            )
        self.parts = tuple(parts)
        self.boundaries = tuple(boundaries)

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.int64)
        value = at(self.parts[0], step)
        for begin, part in zip(self.boundaries, self.parts[1:], strict=True):
            value = tf.where(step >= begin, at(part, tf.maximum(step - begin, 0)), value)
        return value

    def bounds(self) -> tuple[float, float]:
        # Also where a boundary cuts a part short.
        lows, highs = zip(*(bounds_of(part) for part in self.parts), strict=True)
        return min(lows), max(highs)
