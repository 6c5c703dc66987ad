"""Long short-term memory."""

import keras
import tensorflow as tf

from tf_emcom.errors import require_integer
from tf_emcom.nets.core import Core, State
from tf_emcom.nets.linear import truncated_normal


class LstmCore(Core):
    """An LSTM (Hochreiter & Schmidhuber 1997), +1 on the forget gate; both kernels have σ = 1/√(inputs + units)."""

    def __init__(self, units: int = 256, name: str | None = None) -> None:
        super().__init__(name=name)
        require_integer("LstmCore.units", units, 1, "it counts the units of the core")
        self.units = units
        self.state_size = 2 * units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights; `input_shape` is [B, E]."""
        fan_in = input_shape[-1] + self.units
        self.cell = keras.layers.LSTMCell(
            self.units,
            kernel_initializer=truncated_normal(fan_in),
            recurrent_initializer=truncated_normal(fan_in),
            unit_forget_bias=True,
            name="cell",
        )
        self.cell.build(input_shape)
        self.built = True

    def split_state(self, flat: tf.Tensor) -> State:
        """[B, 2H] ↦ (h, c)."""
        return tuple(tf.split(flat, 2, axis=-1))

    def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """[B, E] and (h, c) ↦ [B, H] and the next (h, c)."""
        output, state = self.cell(inputs, list(state))
        return output, tuple(state)
