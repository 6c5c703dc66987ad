"""Whether XLA or TensorFlow's graph mode is faster on this machine, found by trying."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

_REPEATS = 3


class CompilerChoice(NamedTuple):
    """What was measured, in seconds a call."""

    graph: float
    xla: float

    @property
    def jit_compile(self) -> bool:
        """Whether XLA is faster."""
        return self.xla < self.graph

    def __str__(self) -> str:
        """As a sentence."""
        chosen = "XLA compiles" if self.jit_compile else "graph mode is used"
        return (
            f"A step's gradients took {1000 * self.xla:.1f} ms compiled by XLA and {1000 * self.graph:.1f} ms in graph"
            f" mode, so {chosen}."
        )


def measure(function: Callable[..., Any], arguments: Sequence[Any]) -> CompilerChoice:
    """Runs a function, which must leave everything as it is, in both ways, the one after the other and in turn."""
    ways = {jit: tf.function(function, jit_compile=jit, autograph=False) for jit in (False, True)}
    times: dict[bool, list[float]] = {False: [], True: []}
    for way in ways.values():
        _wait(way(*arguments))  # Traces and compiles.
    for _ in range(_REPEATS):
        for jit, way in ways.items():
            begin = time.perf_counter()
            _wait(way(*arguments))
            times[jit].append(time.perf_counter() - begin)
    return CompilerChoice(min(times[False]), min(times[True]))


def _wait(results: Any) -> None:
    for tensor in tf.nest.flatten(results):
        tensor.numpy()
