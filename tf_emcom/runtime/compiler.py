"""The precision that agents compute in, and the choice whether XLA compiles their steps."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf_emcom.errors import UserError

# Keras' names. The other half precision, float16, would need scaled gradients.
_POLICIES = ("float32", "mixed_bfloat16")
_REPEATS = 3
# The sides of a matrix as large as those of agents of full size.
_SIDE = 1024


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers that are built within it compute in this precision; their weights are always float32.

    With "mixed_bfloat16", products, activations and the states of cores are bfloat16; agents return logits, values and
    projections as float32, so losses, softmax, divergence and optimisers are not affected. UserError for any precision
    but "float32" and "mixed_bfloat16".
    """
    if precision not in _POLICIES:
        raise UserError(f"precision is {precision!r}, but agents compute in one of {', '.join(_POLICIES)}; bind it so.")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


class CompilerChoice(NamedTuple):
    """The measured times, in seconds for each call."""

    graph: float
    xla: float

    @property
    def jit_compile(self) -> bool:
        """Whether XLA is faster."""
        return self.xla < self.graph

    def __str__(self) -> str:
        chosen = "XLA compiles" if self.jit_compile else "graph mode is used"
        return (
            f"A step's gradients took {1000 * self.xla:.1f} ms compiled by XLA and {1000 * self.graph:.1f} ms in graph"
            f" mode, so {chosen}."
        )


def measure(function: Callable[..., Any], arguments: Sequence[Any]) -> CompilerChoice:
    """Times a function that has no side effects, compiled by XLA and in graph mode, in turn."""
    ways = [tf.function(function, jit_compile=jit, autograph=False) for jit in (False, True)]

    def seconds(way: Callable[..., Any]) -> float:
        begin = time.perf_counter()
        for tensor in tf.nest.flatten(way(*arguments)):
            tensor.numpy()  # Waits for it.
        return time.perf_counter() - begin

    # The first round traces and compiles.
    rounds = [[seconds(way) for way in ways] for _ in range(1 + _REPEATS)]
    return CompilerChoice(*(min(times) for times in zip(*rounds[1:], strict=True)))


def bfloat16_speed() -> float:
    """How many times as fast as in float32 a matrix product is in bfloat16 here; measured in a tenth of a second."""
    left = tf.random.stateless_normal([_SIDE, _SIDE], [0, 1])
    operands = [tf.cast(left, dtype) for dtype in (tf.float32, tf.bfloat16)]

    def seconds(operand: tf.Tensor) -> float:
        begin = time.perf_counter()
        float(tf.matmul(operand, operand)[0, 0])  # Waits for it.
        return time.perf_counter() - begin

    # In turn, and the first round prepares.
    rounds = [[seconds(operand) for operand in operands] for _ in range(1 + _REPEATS)]
    full, half = (min(times) for times in zip(*rounds[1:], strict=True))
    return full / half
