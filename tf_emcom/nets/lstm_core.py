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
        given = (inputs, *state, self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias)
        inputs, hidden, memory, kernel, recurrent, bias = (tf.cast(v, self.compute_dtype) for v in given)
        # The bias is one more input that is always 1: its gradient is then a part of a product, which costs nothing on
        # TPUs, where a sum over games at every symbol takes a fifth of a step.
        with_one = tf.pad(inputs, [[0, 0], [0, 1]], constant_values=1)
        gates = tf.matmul(with_one, tf.concat([kernel, bias[tf.newaxis]], 0)) + tf.matmul(hidden, recurrent)
        into, keep, new, out = tf.split(gates, 4, axis=-1)
        memory = tf.sigmoid(keep) * memory + tf.sigmoid(into) * tf.tanh(new)
        hidden = tf.sigmoid(out) * tf.tanh(memory)
        return hidden, (hidden, memory)
