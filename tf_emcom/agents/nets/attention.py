"""Attention: over what a message said so far, and over the input."""

import abc

import tensorflow as tf

from tf_emcom.agents.nets.layers import Linear, Part, SymbolEmbedding
from tf_emcom.agents.nets.recurrent import Core, LstmCore
from tf_emcom.checks import Size
from tf_emcom.errors import UserError
from tf_emcom.ops.numbers import softmax

KeysAndValues = tuple[tf.Tensor, tf.Tensor]  # keys and values, each [B, heads, N, units / heads]


class SelfAttention(Part):
    """Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2) of positions to each other.

    Queries, keys and values are one linear map without bias; what the heads gather goes through a second one, with
    bias. Positions see each other and what is remembered of earlier calls, so one position at a time, with what it
    remembered handed on, is attention that looks back only.
    """

    def __init__(self, units: Size, heads: Size, name: str | None = None) -> None:
        super().__init__(name=name)
        if units % heads:
            raise UserError(f"units is {units}, which {heads} heads cannot share; bind heads to a divisor of it.")
        self.units = units
        self.heads = heads
        # A key bias would shift all of a query's scores alike, which the softmax takes out again.
        self.queries_keys_values = Linear(3 * units, use_bias=False, name="queries_keys_values")
        self.gathered = Linear(units, name="gathered")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.queries_keys_values.build(input_shape)
        self.gathered.build((None, self.units))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """[B, N, E] ↦ [B, N, units]."""
        return self.extend(inputs, None)[0]

    def extend(self, inputs: tf.Tensor, earlier: KeysAndValues | None) -> tuple[tf.Tensor, KeysAndValues]:
        """N more positions [B, N, E], N being known while tracing, which see each other and M `earlier` ones, or none.

        Returns:
          The outputs [B, N, units], and the keys and values of all M + N positions.
        """
        queries, keys, values = (self._heads(x) for x in tf.split(self.queries_keys_values(inputs), 3, axis=-1))
        if earlier is not None:
            keys, values = tf.concat([earlier[0], keys], axis=2), tf.concat([earlier[1], values], axis=2)
        scores = tf.matmul(queries, keys, transpose_b=True) * (self.units // self.heads) ** -0.5
        gathered = tf.transpose(tf.matmul(softmax(scores), values), (0, 2, 1, 3))
        return self.gathered(tf.reshape(gathered, (-1, inputs.shape[1], self.units))), (keys, values)

    def _heads(self, inputs: tf.Tensor) -> tf.Tensor:
        """[B, N, units] ↦ [B, heads, N, units / heads]."""
        shared = tf.reshape(inputs, (-1, inputs.shape[1], self.heads, self.units // self.heads))
        return tf.transpose(shared, (0, 2, 1, 3))


def require_positions(symbols: int, longest: int | None, core: str) -> None:
    """UserError where messages of so many symbols do not fit a core that knows `longest` positions; None: any."""
    if longest is not None and symbols > longest:
        raise UserError(
            f"A message has {symbols} symbols or more, but {core} knows {longest} positions; bind the core's longest to"
            " the message length, or more."
        )


class PositionEmbedding(SymbolEmbedding):
    """A learnt vector for each of the first `longest` positions of a message, truncated normal with σ = 1."""

    def __init__(self, longest: Size, size: Size, name: str | None = None) -> None:
        super().__init__(longest, size, name=name)

    def at(self, first: int, count: int) -> tf.Tensor:
        """The vectors [count, size] of `count` positions from `first` on; UserError where there are not so many."""
        require_positions(first + count, self.symbols, "its core")
        return tf.cast(self.embeddings, self.compute_dtype)[first : first + count]


class MessageReader(Core, abc.ABC):
    """A core that listens only: it has no steps, so it cannot speak. A subclass overrides `read`."""

    @property
    def state_size(self) -> int:  # type: ignore[override]  # nobody assigns it here
        """UserError: only a speaker asks for it."""
        raise UserError(
            f"{type(self).__name__} is a speaker's core here, but it reads whole messages and cannot utter symbols"
            " one by one; bind Speaker.core_cls to a core with steps, such as @LstmCore or @TransformerCore."
        )

    def read(self, embedded: tf.Tensor) -> tf.Tensor:
        raise TypeError(f"{type(self).__name__} does not say how it reads.")


class AttentionCore(MessageReader):
    """One layer of multi-head self-attention over the symbols, for listeners.

    h_t = ReLU(W e_t + b + p_t), where e_t is a symbol's embedding and p_t the learnt vector of its position;
    what was read is the mean over t of h_t + SelfAttention(h)_t. NEC names a core "attention" without saying what it
    computes, so this is ours: the ReLU makes a vector of each pair of a symbol and its position, without which a mean
    would hardly know the order of the symbols.
    """

    def __init__(self, units: Size = 256, heads: Size = 4, longest: Size = 64, name: str | None = None) -> None:
        """UserError unless `heads` divides `units`; `longest` counts the symbols of the longest message."""
        super().__init__(name=name)
        self.attention = SelfAttention(units, heads, name="attention")
        self.symbol_projection = Linear(units, name="symbol_projection")
        self.positions = PositionEmbedding(longest, units, name="positions")
        self.units = units
        self.longest = longest

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.symbol_projection.build(input_shape)
        self.positions.build()
        self.attention.build((None, self.units))

    def read(self, embedded: tf.Tensor) -> tf.Tensor:
        """[B, T, E] ↦ [B, H]; UserError where T is more than `longest`."""
        hidden = tf.nn.relu(self.symbol_projection(embedded) + self.positions.at(0, embedded.shape[1]))
        return tf.reduce_mean(hidden + self.attention(hidden), axis=1)


class LstmAttentionCore(MessageReader):
    """An LSTM whose last output looks back at all of them, for listeners (Luong et al. 2015, equations 5, 7 and 8).

    With o_1 … o_T the LSTM's outputs: a = softmax over t of o_Tᵀ W_a o_t (the paper's score "general"), c = Σ a_t o_t,
    and what was read is tanh(W_c [c; o_T]). NEC names a core "LSTM + attention" without saying what it computes.
    """

    def __init__(self, units: Size = 256, name: str | None = None) -> None:
        super().__init__(name=name)
        self.lstm = LstmCore(units, name="lstm")
        self.keys = Linear(units, use_bias=False, name="keys")
        self.combined = Linear(units, activation="tanh", use_bias=False, name="combined")
        self.units = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.lstm.build(input_shape)
        self.keys.build((None, self.units))
        self.combined.build((None, 2 * self.units))

    def read(self, embedded: tf.Tensor) -> tf.Tensor:
        outputs = self.lstm.outputs(embedded)
        last = outputs[:, -1]
        attention = softmax(tf.linalg.matvec(self.keys(outputs), last))
        context = tf.linalg.matvec(outputs, attention, transpose_a=True)
        return self.combined(tf.concat([context, last], axis=-1))
