"""All devices of one machine."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tf_emcom.runtime.strategies.distribution import Distribution, accelerators


class Mirrored(Distribution):
    """Every GPU of this machine, or every logical CPU device where there is none; weights are mirrored.

    Local work is compiled; collectives run between the compiled pieces, since XLA cannot have MirroredStrategy's
    inside.
    """

    def __init__(self, jit_compile: bool | None = None) -> None:
        """`jit_compile`: as for every strategy."""
        super().__init__(jit_compile)
        self.strategy = _mirrored(tuple(accelerators()))

    def compiled_whole(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: its pieces are compiled."""
        return function


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.MirroredStrategy:
    # One a process: a second strategy on the same devices numbers its collectives from the start again, and
    # TensorFlow takes them for the first one's.
    return tf.distribute.MirroredStrategy(devices)
