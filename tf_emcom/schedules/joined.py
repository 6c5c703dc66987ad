"""Several schedules, one after the other."""

from collections.abc import Sequence

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.schedules.schedule import Schedule, at, bounds_of


class Joined(Schedule):
    """`parts[0]` up to `boundaries[0]`, then `parts[1]`, and so on; plain numbers make it piecewise constant.

    Each part starts counting at its own boundary.
    """

    def __init__(self, parts: Sequence[Schedule | float], boundaries: Sequence[int]) -> None:
        """Raises UserError unless there is one boundary fewer than parts, in rising order and above 0."""
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
        """The value at `step`, float32 []."""
        step = tf.cast(step, tf.int64)
        value = at(self.parts[0], step)
        for begin, part in zip(self.boundaries, self.parts[1:], strict=True):
            value = tf.where(step >= begin, at(part, tf.maximum(step - begin, 0)), value)
        return value

    def bounds(self) -> tuple[float, float]:
        """Those of all parts together, even where a boundary cuts a part short."""
        lows, highs = zip(*(bounds_of(part) for part in self.parts), strict=True)
        return min(lows), max(highs)
