"""Recurrent cores: what an agent carries from symbol to symbol."""

import abc
from typing import Any

import keras
import tensorflow as tf

from tf_emcom.agents.nets.layers import Part, SymbolEmbedding, truncated_normal
from tf_emcom.checks import Size
from tf_emcom.ops.numbers import product, turned

State = tuple[tf.Tensor, ...]


class Core(Part, abc.ABC):
    """A network that is run over the symbols of a message, one a step."""

    units: int  # H, the size of the output; known once the core is built.
    state_size: int  # How many values the first state is made from.
    longest: int | None = None  # How many symbols a message can have; None: any number.

    def split_state(self, flat: tf.Tensor) -> State:
        """A first state from its values [B, state_size]; the first axis of its first tensor is B."""
        raise TypeError(f"{type(self).__name__} does not say how its state is laid out.")

    def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """One step: inputs [B, E] and a state become an output [B, H] and the next state."""
        raise TypeError(f"{type(self).__name__} does not say what a step is.")

    def start(self, inputs: tf.Tensor) -> State:
        """The state of zeros for as many games as `inputs` [B, ...] holds."""
        return self.split_state(tf.zeros([tf.shape(inputs)[0], self.state_size], inputs.dtype))

    def outputs(self, embedded: tf.Tensor) -> list[tf.Tensor]:
        """The outputs, each [B, H], at every symbol of an embedded message [B, T, E], from the state of zeros on."""
        state, outputs = self.start(embedded), []
        for t in range(embedded.shape[1]):
            output, state = self.step(embedded[:, t], state)
            outputs.append(output)
        return outputs

    def read(self, embedded: tf.Tensor) -> tf.Tensor:
        """What a listener makes of an embedded message: [B, T, E] ↦ [B, H]. Unless overridden, the last output."""
        return self.outputs(embedded)[-1]


class IdentityCore(Core):
    """The output is the input, as in EaS.

    A listener with it hears nothing but the last symbol. A speaker with it never sees its input, since the first state
    is not looked at: each symbol depends on the symbol before and on nothing else. It is what other cores are compared
    with. The state is one unused value a game, because a speaker's first state needs a size.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name)
        self.state_size = 1

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Creates no weights; `input_shape` is [B, E], and H is E."""
        self.units = input_shape[-1]

    def split_state(self, flat: tf.Tensor) -> State:
        return (flat,)

    def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        return inputs, state


class LstmCore(Core):
    """An LSTM (Hochreiter & Schmidhuber 1997), +1 on the forget gate; both kernels have σ = 1/√(inputs + units)."""

    def __init__(self, units: Size = 256, name: str | None = None) -> None:
        super().__init__(name=name)
        self.units = units
        self.state_size = 2 * units

    def build(self, input_shape: tuple[Any, ...]) -> None:
        fan_in = input_shape[-1] + self.units
        self.cell = keras.layers.LSTMCell(
            self.units,
            kernel_initializer=truncated_normal(fan_in),
            recurrent_initializer=truncated_normal(fan_in),
            unit_forget_bias=True,
            name="cell",
        )
        self.cell.build(input_shape)

    def split_state(self, flat: tf.Tensor) -> State:
        """[B, 2H] ↦ (h, c), and after them the weights as `step` wants them, prepared once a message."""
        return (*tf.split(tf.cast(flat, self.compute_dtype), 2, axis=-1), *self._weights())

    def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        hidden, memory, *weights = state
        kernel, recurrent, recurrent_turned = weights
        inputs = tf.cast(inputs, self.compute_dtype)
        # Not padded with ones: `tf.vectorized_map` pads with zeros in any case.
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


class DiscreteLstm(Part):
    """A listener's torso: symbols are embedded, an LSTM reads them, and the core reads its outputs at all of them."""

    def __init__(self, symbols: Size, embedding_size: Size = 10, units: Size = 256, name: str | None = None) -> None:
        super().__init__(name=name)
        self.embedding = SymbolEmbedding(symbols, embedding_size, name="embedding")
        self.lstm = LstmCore(units, name="lstm")
        self.size = units

    def build(self, input_shape: tuple[int | None, ...] = ()) -> None:
        self.embedding.build()
        self.lstm.build((None, self.embedding.size))

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int [B, T], or soft symbols, float [B, T, symbols] ↦ [B, T, units]."""
        return tf.stack(self.lstm.outputs(self.embedding(ids)), axis=1)


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
        self.cell = keras.layers.GRUCell(
            self.units,
            kernel_initializer=keras.initializers.VarianceScaling(),
            recurrent_initializer=keras.initializers.VarianceScaling(),
            reset_after=False,
            name="cell",
        )
        self.cell.build(input_shape)

    def split_state(self, flat: tf.Tensor) -> State:
        return (flat,)

    def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        output, state = self.cell(inputs, list(state))
        return output, tuple(state)
