"""What all measurements share: the base class, the conditions of a run, the machine's peak, and timing."""

import abc
import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from benchmarks.report import Table

# Square products, and those of the agents' layers at a batch of 1,024: [B, inputs + units] by
# [inputs + units, 4 × units].
_SHAPES = ((1024, 1024, 1024), (2048, 2048, 2048), (4096, 2048, 1024), (1024, 2048, 512), (1024, 512, 2048))
# Each product is repeated until it has computed about so many operations.
_OPERATIONS = int(2e10)
# Shorter calls are timed several at a time, because the clock and the scheduler are coarse. Seconds.
_SHORTEST = 0.3


class Peak:
    """The most operations a second that any of several matrix products has reached so far, for each number type.

    A product of [m, k] and [k, n] counts 2·m·k·n operations.
    """

    def __init__(self, shapes: Sequence[tuple[int, int, int]] = _SHAPES, operations: int = _OPERATIONS) -> None:
        """Measures nothing yet.

        Args:
          shapes: m, k, n of each product.
          operations: about how many each product computes in one measurement.
        """
        self._shapes, self._operations = shapes, operations
        self._best: dict[str, float] = {}

    def measure(self, dtype: str = "float32") -> float:
        """Computes all products again, and returns the best speed so far in operations a second."""
        speeds = [self._speed(shape, dtype) for shape in self._shapes]
        self._best[dtype] = max(self._best.get(dtype, 0.0), *speeds)
        return self._best[dtype]

    def best(self, dtype: str = "float32") -> float:
        """The best speed so far; measures if there is none yet."""
        return self._best[dtype] if dtype in self._best else self.measure(dtype)

    def _speed(self, shape: tuple[int, int, int], dtype: str) -> float:
        left, right = _operands(shape, dtype)
        operations = operations_of_product(*shape)
        repeats = max(1, self._operations // operations)
        # The first product of a shape is slower. Reading a number waits for the result.
        float(tf.matmul(left, right)[0, 0])
        begin = time.perf_counter()
        for _ in range(repeats):
            product = tf.matmul(left, right)
        float(product[0, 0])
        return repeats * operations / (time.perf_counter() - begin)


class Conditions:
    """What all measurements of one run share.

    Attributes:
      bindings: gin's `name=value` for every configuration, as the user gave them.
      peak: of this machine in this run.
    """

    def __init__(self, bindings: Sequence[str] = (), peak: Peak | None = None) -> None:
        self.bindings = tuple(bindings)
        self.peak = peak or Peak()


class Measurement(abc.ABC):
    """The base class of everything that `bin/benchmark` measures.

    Attributes:
      name: what `--only` calls it.
      description: one sentence for `--list`.
    """

    name: str
    description: str

    @abc.abstractmethod
    def measure(self, conditions: Conditions) -> Table:
        """Measures, and returns the numbers; tables with the same title are printed as one."""


def operations_of_product(rows: int, inner: int, columns: int) -> int:
    """A multiplication and an addition for each of rows × inner × columns."""
    return 2 * rows * inner * columns


def time_of(call: Callable[[], object]) -> float:
    """The seconds that one call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def times_in_turn(calls: Mapping[Any, Callable[[], object]], rounds: int) -> dict[Any, list[float]]:
    """The seconds that each call takes, round by round, so that other load on the machine affects all alike."""
    times = [{name: time_of(call) for name, call in calls.items()} for _ in range(rounds)]
    return {name: [each[name] for each in times] for name in calls}


def repeats_for(call: Callable[[int], object], shortest: float = _SHORTEST) -> int:
    """How many repeats `call(n)` needs to last `shortest` seconds, estimated from one or a few repeats."""
    repeats = 1
    seconds = time_of(lambda: call(1))
    while seconds < shortest / 4:
        repeats *= 4
        seconds = time_of(functools.partial(call, repeats))
    return max(1, math.ceil(repeats * shortest / seconds))


@functools.cache
def _operands(shape: tuple[int, int, int], dtype: str) -> tuple[tf.Tensor, tf.Tensor]:
    rows, inner, columns = shape
    left = tf.random.stateless_normal([rows, inner], [0, 1])
    right = tf.random.stateless_normal([inner, columns], [0, 2])
    return tf.cast(left, dtype), tf.cast(right, dtype)
