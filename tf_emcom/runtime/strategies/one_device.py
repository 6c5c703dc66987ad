"""One device."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tf_emcom.runtime.strategies.distribution import Distribution, accelerators


class OneDevice(Distribution):
    """The first GPU, or the CPU where there is none; the whole step is one compiled program."""

    def __init__(self, jit_compile: bool | None = None) -> None:
        """`jit_compile`: as for every strategy."""
        super().__init__(jit_compile)
        self.may_choose = jit_compile is None and not self.jit_compile
        self.strategy = tf.distribute.OneDeviceStrategy(accelerators()[0])

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: the whole step is compiled around it."""
        return function

    def compiled_whole(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """One compiled program."""
        return super().compiled(function)
