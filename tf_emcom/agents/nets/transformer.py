"""Transformers, as a speaker's core and as a listener's reader of messages."""

import abc

import keras
import tensorflow as tf

from tf_emcom.agents.nets.attention import KeysAndValues, MessageReader, PositionEmbedding, SelfAttention
from tf_emcom.agents.nets.layers import Linear, Mlp, Part
from tf_emcom.agents.nets.recurrent import Core, State
from tf_emcom.checks import Size


def layer_norm(name: str) -> keras.layers.LayerNormalization:
    """Layer normalisation (Ba et al. 2016) over the last axis, with ε = 1e-6, a gain and a shift."""
    return keras.layers.LayerNormalization(epsilon=1e-6, name=name)


class TransformerBlock(Part):
    """x + attention(norm(x)), then x + MLP(norm(x)): layers normalise first (Xiong et al. 2020).

    The MLP has one hidden layer of 4 × units with ReLU. There is no dropout: a language changes all the time anyway.
    """

    def __init__(self, units: Size, heads: Size, name: str | None = None) -> None:
        super().__init__(name=name)
        self.attention_norm = layer_norm("attention_norm")
        self.attention = SelfAttention(units, heads, name="attention")
        self.mlp_norm = layer_norm("mlp_norm")
        self.mlp = Mlp((4 * units, units), name="mlp")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        for layer in (self.attention_norm, self.attention, self.mlp_norm, self.mlp):
            layer.build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """[B, N, units] ↦ [B, N, units]; all positions see each other."""
        return self.extend(inputs, None)[0]

    def extend(self, inputs: tf.Tensor, earlier: KeysAndValues | None) -> tuple[tf.Tensor, KeysAndValues]:
        """N more positions [B, N, units], which see each other and the earlier ones; as `SelfAttention.extend`."""
        attended, all_of_them = self.attention.extend(self.attention_norm(inputs), earlier)
        inputs = inputs + attended
        return inputs + self.mlp(self.mlp_norm(inputs)), all_of_them


OfAllLayers = tuple[tf.Tensor, ...]  # keys and values of each layer in turn, each [B, heads, N, units / heads]


class Transformer(Part):
    """A transformer over embedded symbols (Vaswani et al. 2017); layers normalise first.

    A symbol is its embedding through a linear map to `units`, plus the learnt vector of its position. The last layer's
    outputs are normalised.
    """

    def __init__(self, units: Size, heads: Size, layers: Size, longest: Size, name: str | None = None) -> None:
        """UserError unless `heads` divides `units`; `longest` counts the symbols of the longest message."""
        super().__init__(name=name)
        self.blocks = [TransformerBlock(units, heads, name=str(i)) for i in range(layers)]
        self.symbol_projection = Linear(units, name="symbol_projection")
        self.positions = PositionEmbedding(longest, units, name="positions")
        self.norm = layer_norm("norm")
        self.units = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.symbol_projection.build(input_shape)
        self.positions.build()
        for layer in (*self.blocks, self.norm):
            layer.build((None, None, self.units))

    def tokens(self, embedded: tf.Tensor, first: int) -> tf.Tensor:
        """N symbols [B, N, E] from position `first` on ↦ [B, N, units]; UserError beyond the longest message."""
        return self.symbol_projection(embedded) + self.positions.at(first, embedded.shape[1])

    def extend(self, tokens: tf.Tensor, earlier: OfAllLayers) -> tuple[tf.Tensor, OfAllLayers]:
        """N more tokens [B, N, units], which see each other and all earlier ones ↦ outputs [B, N, units].

        With them come the keys and values of all tokens; before the first one, there are none, `()`.
        """
        extended: list[tf.Tensor] = []
        for i, block in enumerate(self.blocks):
            tokens, of_layer = block.extend(tokens, earlier[2 * i : 2 * i + 2] or None)
            extended.extend(of_layer)
        return self.norm(tokens), tuple(extended)


class _OverTransformer(Core, abc.ABC):
    """What both cores of this module share."""

    def __init__(
        self, units: Size = 256, heads: Size = 4, layers: Size = 2, longest: Size = 64, name: str | None = None
    ) -> None:
        """UserError unless `heads` divides `units`; `longest` counts the symbols of the longest message."""
        super().__init__(name=name)
        self.transformer = Transformer(units, heads, layers, longest, name="transformer")
        self.units = units
        self.longest = longest

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.transformer.build(input_shape)


class TransformerCore(_OverTransformer):
    """A transformer decoder (Vaswani et al. 2017) that looks back only.

    The first state is a prefix: a token [B, H] of its own, without position, which every symbol sees. A symbol sees the
    prefix, the symbols before it and itself. A state is what later symbols look back at: for each layer the keys and
    the values of the prefix and of all symbols so far, each [B, heads, 1 + t, H / heads]. It grows by one position a
    step, so that a step costs one row of the full causal pass, and gives its numbers.
    """

    @property
    def state_size(self) -> int:  # type: ignore[override]  # nobody assigns it here
        return self.units

    def split_state(self, flat: tf.Tensor) -> State:
        """The prefix [B, H] ↦ its keys and values in every layer."""
        return self.transformer.extend(tf.cast(flat[:, tf.newaxis], self.compute_dtype), ())[1]

    def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """[B, E] and what t symbols left ↦ [B, H] and what t + 1 symbols leave; UserError beyond `longest` symbols."""
        symbols = state[0].shape[2] - 1  # beside the prefix
        token = self.transformer.tokens(inputs[:, tf.newaxis], symbols)
        outputs, state = self.transformer.extend(token, state)
        return outputs[:, 0], state


class TransformerReader(MessageReader, _OverTransformer):
    """A transformer encoder (Vaswani et al. 2017) for listeners: all symbols see each other.

    What was read is the mean of its outputs over the symbols.
    """

    def read(self, embedded: tf.Tensor) -> tf.Tensor:
        """[B, T, E] ↦ [B, H]; UserError where T is more than `longest`."""
        outputs, _ = self.transformer.extend(self.transformer.tokens(embedded, 0), ())
        return tf.reduce_mean(outputs, axis=1)
