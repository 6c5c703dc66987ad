"""A value that falls along half a cosine wave."""

import math

import tensorflow as tf

from tf_emcom.schedules.schedule import Schedule, progress


class CosineDecay(Schedule):
    """From `start` to `end` over `steps` along half a cosine wave (Loshchilov & Hutter 2017), then constant."""

    def __init__(self, start: float, steps: int, end: float = 0.0) -> None:
        self.start = start
        self.end = end
        self.steps = steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """The value at `step`, float32 []."""
        wave = 0.5 * (1.0 + tf.cos(math.pi * progress(step, 0.0, self.steps)))
        return self.end + (self.start - self.end) * wave

    def bounds(self) -> tuple[float, float]:
        """Start and end, in order."""
        return min(self.start, self.end), max(self.start, self.end)
