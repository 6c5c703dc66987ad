"""A straight line, then a constant."""

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.schedules.schedule import Schedule, progress


class LinearRamp(Schedule):
    """From `start` to `end` over the first `fraction` of `steps`, constant afterwards."""

    def __init__(self, start: float, end: float, steps: int, fraction: float = 1.0) -> None:
        """Raises UserError unless 0 < fraction <= 1."""
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
        """The value at `step`, float32 []."""
        return self.start + (self.end - self.start) * progress(step, 0.0, self.last_step)

    def bounds(self) -> tuple[float, float]:
        """Start and end, in order."""
        return min(self.start, self.end), max(self.start, self.end)
