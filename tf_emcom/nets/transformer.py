"""A stack of transformer blocks."""

import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.nets.linear import Linear
from tf_emcom.nets.part import Part
from tf_emcom.nets.position_embedding import PositionEmbedding
from tf_emcom.nets.transformer_block import TransformerBlock, layer_norm

Memories = tuple[tf.Tensor, ...]  # keys and values of each layer in turn, each [B, heads, N, units / heads]


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
        """Creates the weights; `input_shape` is [..., E]."""
        self.symbol_projection.build(input_shape)
        self.positions.build()
        for layer in (*self.blocks, self.norm):
            layer.build((None, None, self.units))
        self.built = True

    def tokens(self, embedded: tf.Tensor, first: int) -> tf.Tensor:
        """N symbols [B, N, E], the first of which has the position `first` ↦ [B, N, units].

        Raises:
          UserError: a position is beyond the longest message.
        """
        return self.symbol_projection(embedded) + self.positions.at(first, embedded.shape[1])

    def extend(self, tokens: tf.Tensor, memories: Memories) -> tuple[tf.Tensor, Memories]:
        """N more tokens [B, N, units], which see each other and all that are remembered.

        Returns:
          The outputs [B, N, units], and what to remember of all tokens; at first, that is nothing, `()`.
        """
        extended = []
        for i, block in enumerate(self.blocks):
            tokens, memory = block.extend(tokens, memories[2 * i : 2 * i + 2] or None)
            extended.extend(memory)
        return self.norm(tokens), tuple(extended)
