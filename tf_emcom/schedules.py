"""Schedules: functions from the step to a value."""

import abc
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
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


def number_at(value: "Schedule | float", step: tf.Tensor) -> float | tf.Tensor:
    """The value of a schedule at `step`, float32 [], or a plain number as it is, for arithmetic in double precision."""
    return value(step) if isinstance(value, Schedule) else value


def _span(*values: "Schedule | float") -> tuple[float, float]:
    """The bounds of all of them together."""
    lows, highs = zip(*map(bounds_of, values), strict=True)
    return min(lows), max(highs)


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

    def __init__(
        self, start: Schedule | float, end: Schedule | float, steps: int, fraction: float = 1.0
    ) -> None:
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
        start, end = number_at(self.start, step), number_at(self.end, step)
        return start + (end - start) * progress(step, 0.0, self.last_step)

    def bounds(self) -> tuple[float, float]:
        return _span(self.start, self.end)


class CosineDecay(Schedule):
    """From `start` to `end` over `steps` along half a cosine wave (Loshchilov & Hutter 2017), then constant."""

    def __init__(self, start: Schedule | float, steps: int, end: Schedule | float = 0.0) -> None:
        self.start = start
        self.end = end
        self.steps = steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        wave = 0.5 * (1.0 + tf.cos(math.pi * progress(step, 0.0, self.steps)))
        start, end = number_at(self.start, step), number_at(self.end, step)
        return end + (start - end) * wave

    def bounds(self) -> tuple[float, float]:
        return _span(self.start, self.end)


class ExponentialDecay(Schedule):
    """`start` · `rate`^(step / `every`), never below `floor`."""

    def __init__(
        self, start: Schedule | float, rate: Schedule | float, every: Count, floor: Schedule | float = 0.0
    ) -> None:
        least_start, least_rate = bounds_of(start)[0], bounds_of(rate)[0]
        if least_start < 0 or least_rate < 0:
            raise UserError(f"ExponentialDecay has start {least_start} and rate {least_rate}; bind both to 0 or more.")
        self.start = start
        self.rate = rate
        self.every = every
        self.floor = floor

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        start, rate, floor = (number_at(value, step) for value in (self.start, self.rate, self.floor))
        return tf.maximum(start * rate ** (tf.cast(step, tf.float32) / self.every), floor)

    def bounds(self) -> tuple[float, float]:
        (low, high), (least, most), (floor, highest) = map(bounds_of, (self.start, self.rate, self.floor))
        return max(low, floor) if least > 1 else floor, math.inf if most > 1 else max(high, highest)


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
        return _span(*self.parts)


class Varied(Schedule):
    """A number that varies between runs that are trained in one program: each value is another run's, at every step.

    `IndependentPairs` has runs for every combination of the values of different names, with every seed. What has one
    name is one number, such as one learning rate of both agents. It may be a part of other schedules.
    """

    def __init__(self, name: str, values: Sequence[float]) -> None:
        """Two or more different `values`; results call the number `name`."""
        if len(set(values)) < max(2, len(values)):
            raise UserError(
                f"Varied.values is {list(values)}; bind two or more different numbers, or a number in place of @Varied."
            )
        self.name = name
        self.values = tuple(values)
        self.variable: keras.Variable | None = None

    def prepare(self) -> keras.Variable:
        """The variable, float32 [], that holds the value of one run; made within the strategy's scope, once."""
        if self.variable is None:
            # In full also where layers compute in half precision.
            self.variable = keras.Variable(
                self.values[0], dtype="float32", autocast=False, trainable=False, aggregation="none", name="varied"
            )
        return self.variable

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """UserError where runs are not trained side by side."""
        if self.variable is None:
            raise UserError(
                f"{self.name!r} is Varied, but only independent pairs of agents in one program have values of their"
                " own; bind a number in its place, or in Python give the game to IndependentPairs."
            )
        return tf.convert_to_tensor(self.variable.value)

    def bounds(self) -> tuple[float, float]:
        return min(self.values), max(self.values)


def varied_in(part: Any) -> list[Varied]:
    """All `Varied` that a component holds, such as a learner with its game, agents and optimizers; by name.

    UserError where two with one name have different values.
    """
    found: list[Varied] = []
    left: list[Any] = [part]
    seen: set[int] = set()
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, Varied):
            found.append(each)
        elif isinstance(each, Mapping):
            left.extend(each.values())
        elif isinstance(each, list | tuple):
            left.extend(each)
        elif isinstance(each, Checked):
            left.extend(vars(each).values())
    values = {varied.name: varied.values for varied in found}
    for varied in found:
        if varied.values != values[varied.name]:
            raise UserError(
                f"Varied.values of {varied.name!r} is {list(varied.values)} and {list(values[varied.name])}; bind one"
                " list, or two names."
            )
    return sorted(found, key=lambda varied: varied.name)


def in_words(numbers: Mapping[str, float]) -> str:
    """What varies, as results say it: "kl 0.5, noise 0.25"."""
    return ", ".join(f"{name} {value:g}" for name, value in numbers.items())


def combinations(varied: Sequence[Varied]) -> list[dict[str, float]]:
    """Name → value, for every combination of the values of different names; the last name's values change fastest."""
    values = {each.name: each.values for each in varied}
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]
