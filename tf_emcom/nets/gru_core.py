"""Gated recurrent unit."""

import keras
import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.nets.core import Core, State
from tf_emcom.nets.linear import truncated_normal


class GruCore(Core):
    """A GRU (Cho et al. 2014: the reset gate acts before the product); both kernels have σ = 1/√(inputs + units)."""

    def __init__(self, units: Size = 256, name: str | None = None) -> None:
        super().__init__(name=name)
        self.units = units
        self.state_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights; `input_shape` is [B, E]."""
        fan_in = input_shape[-1] + self.units
        self.cell = keras.layers.GRUCell(
            self.units,
            kernel_initializer=truncated_normal(fan_in),
            recurrent_initializer=truncated_normal(fan_in),
            reset_after=False,
            name="cell",
        )
        self.cell.build(input_shape)
        self.built = True

    def split_state(self, flat: tf.Tensor) -> State:
        """[B, H] ↦ (h,)."""
        return (flat,)

    def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """[B, E] and (h,) ↦ [B, H] and the next (h,)."""
        output, state = self.cell(inputs, list(state))
        return output, tuple(state)
