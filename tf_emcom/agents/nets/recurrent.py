"""Recurrent cores: what an agent carries from symbol to symbol."""

import abc
from typing import Any

import keras
import tensorflow as tf

from tf_emcom.agents.nets.layers import Part, SymbolEmbedding, truncated_normal
from tf_emcom.checks import Size
from tf_emcom.ops import recurrence
from tf_emcom.ops.recurrence import Steps

# Whatever a core carries from step to step.
State = tuple[Any, ...]


class Core(Part, abc.ABC):
    """A network that is run over the symbols of a message, one a step."""

    units: int  # H, the size of the output; known once the core is built.
    state_size: int  # How many values the first state is made from.
    longest: int | None = None  # How many symbols a message can have; None: any number.

    def split_state(self, flat: tf.Tensor) -> State:
        """A first state from its values [B, state_size]."""
        raise TypeError(f"{type(self).__name__} does not say how its state is laid out.")

    def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """One step: inputs [B, E] and a state become an output [B, H] and the next state."""
        raise TypeError(f"{type(self).__name__} does not say what a step is.")

    def start(self, inputs: tf.Tensor) -> State:
        """The state of zeros for as many games as `inputs` [B, ...] holds."""
        return self.split_state(tf.zeros([tf.shape(inputs)[0], self.state_size], inputs.dtype))

    def steps(self, flat: tf.Tensor) -> Steps:
        """The steps over one message of hard symbols, from the first state with the values [B, state_size] on."""
        return Steps(self.step, self.split_state(flat))

    def outputs(self, embedded: tf.Tensor) -> tf.Tensor:
        """The outputs [B, T, H] at every symbol of an embedded message [B, T, E], from the state of zeros on."""
        return Steps(self.step, self.start(embedded)).outputs(embedded)

    def read(self, embedded: tf.Tensor) -> tf.Tensor:
        """What a listener makes of an embedded message: [B, T, E] ↦ [B, H]. Unless overridden, the last output."""
        return self.outputs(embedded)[:, -1]


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


class CellCore(Core):
    """A core of one recurrent cell, whose weights are a layer of Keras."""

    state_parts: int = 1  # The cell's state has so many parts of H values.

    def __init__(self, units: Size = 256, name: str | None = None) -> None:
        super().__init__(name=name)
        self.units = units
        self.state_size = self.state_parts * units

    @abc.abstractmethod
    def prepared(self, kernel: tf.Tensor, bias: tf.Tensor, recurrent: tf.Tensor) -> recurrence.Cell:
        """The cell with these weights."""

    def split_state(self, flat: tf.Tensor) -> State:
        """[B, state_size] ↦ the parts of the state, each [H, B], and behind them the cell, prepared once a message."""
        parts = tf.split(tf.transpose(tf.cast(flat, self.compute_dtype)), self.state_parts, axis=0)
        return (*parts, self._cell())

    def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        *parts, cell = state
        after = cell.forward(recurrence.as_columns(tf.cast(inputs, self.compute_dtype)), tuple(parts)).state
        return tf.transpose(after[0]), (*after, cell)

    def steps(self, flat: tf.Tensor) -> Steps:
        *parts, cell = self.split_state(flat)
        return recurrence.Unrolling(cell, tuple(parts))

    def outputs(self, embedded: tf.Tensor) -> tf.Tensor:
        return recurrence.Unrolling(self._cell(), None).outputs(embedded)

    def read(self, embedded: tf.Tensor) -> tf.Tensor:
        return recurrence.Unrolling(self._cell(), None).outputs(embedded, only_last=True)

    def _cell(self) -> recurrence.Cell:
        weights = (self.cell.kernel, self.cell.bias, self.cell.recurrent_kernel)
        return self.prepared(*(tf.cast(each, self.compute_dtype) for each in weights))


class LstmCore(CellCore):
    """An LSTM (Hochreiter & Schmidhuber 1997), +1 on the forget gate; both kernels have σ = 1/√(inputs + units)."""

    state_parts = 2

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

    def prepared(self, kernel: tf.Tensor, bias: tf.Tensor, recurrent: tf.Tensor) -> recurrence.Cell:
        return recurrence.Lstm(kernel, bias, recurrent)


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
        return self.lstm.outputs(self.embedding(ids))


class GruCore(CellCore):
    """A GRU (Cho et al. 2014: the reset gate acts before the product).

    The input kernel has a standard deviation of 1/√inputs, the recurrent kernel of 1/√units, as Haiku's GRU: they are
    normal, cut off at two σ, where σ is larger by what the cut takes away. Linear layers and the LSTM do not correct
    for the cut.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.cell = keras.layers.GRUCell(
            self.units,
            kernel_initializer=keras.initializers.VarianceScaling(),
            recurrent_initializer=keras.initializers.VarianceScaling(),
            reset_after=False,
            name="cell",
        )
        self.cell.build(input_shape)

    def prepared(self, kernel: tf.Tensor, bias: tf.Tensor, recurrent: tf.Tensor) -> recurrence.Cell:
        return recurrence.Gru(kernel, bias, recurrent)
