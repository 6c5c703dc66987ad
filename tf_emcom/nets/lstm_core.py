"""Long short-term memory."""

import keras
import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.nets.core import Core, State
from tf_emcom.nets.linear import truncated_normal
from tf_emcom.ops.products import product, turned


class LstmCore(Core):
    """An LSTM (Hochreiter & Schmidhuber 1997), +1 on the forget gate; both kernels have σ = 1/√(inputs + units)."""

    def __init__(self, units: Size = 256, name: str | None = None) -> None:
        super().__init__(name=name)
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
        """[B, 2H] ↦ (h, c), and after them the weights as `step` wants them, made ready once a message."""
        return (*tf.split(tf.cast(flat, self.compute_dtype), 2, axis=-1), *self._weights())

    def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """[B, E] and the state ↦ [B, H] and the next state."""
        hidden, memory, *weights = state
        kernel, recurrent, recurrent_turned = weights
        inputs = tf.cast(inputs, self.compute_dtype)
        # Not padded with ones: `tf.vectorized_map` pads with zeros whatever it is told.
        with_one = tf.concat([inputs, tf.ones_like(inputs[:, :1])], axis=-1)
        gates = tf.matmul(with_one, kernel) + product(hidden, recurrent, recurrent_turned)
        into, keep, new, out = tf.split(gates, 4, axis=-1)
        memory = tf.sigmoid(keep) * memory + tf.sigmoid(into) * tf.tanh(new)
        hidden = tf.sigmoid(out) * tf.tanh(memory)
        return hidden, (hidden, memory, *weights)

    def _weights(self) -> tuple[tf.Tensor, ...]:
        """Kernel with bias [E + 1, 4H], recurrent kernel [H, 4H] and its transpose.

        The bias is one more input that is always 1: its gradient is then a part of a product, which costs nothing on
        TPUs, where a sum over games at every symbol takes a fifth of a step.
        """
        given = (self.cell.kernel, self.cell.bias, self.cell.recurrent_kernel)
        kernel, bias, recurrent = (tf.cast(weights, self.compute_dtype) for weights in given)
        return tf.concat([kernel, bias[tf.newaxis]], axis=0), recurrent, turned(recurrent)
