"""Gated recurrent unit."""

import keras
import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.nets.core import Core, State


class GruCore(Core):
    """A GRU (Cho et al. 2014: the reset gate acts before the product).

    The input kernel has a standard deviation of 1/√inputs, the recurrent kernel of 1/√units, as Haiku's GRU: they are
    normal, cut off at two σ, where σ is larger by what the cut takes away. Linear layers and the LSTM do not correct
    for the cut.
    """

    def __init__(self, units: Size = 256, name: str | None = None) -> None:
        super().__init__(name=name)
        self.units = units
        self.state_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights; `input_shape` is [B, E]."""
        self.cell = keras.layers.GRUCell(
            self.units,
            kernel_initializer=keras.initializers.VarianceScaling(),
            recurrent_initializer=keras.initializers.VarianceScaling(),
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
