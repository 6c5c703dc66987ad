"""Attention over a message."""

import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.nets.linear import Linear
from tf_emcom.nets.message_reader import MessageReader
from tf_emcom.nets.position_embedding import PositionEmbedding
from tf_emcom.nets.self_attention import SelfAttention


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
        """Creates the weights; `input_shape` is [B, E]."""
        self.symbol_projection.build(input_shape)
        self.positions.build()
        self.attention.build((None, self.units))
        self.built = True

    def read(self, embedded: tf.Tensor) -> tf.Tensor:
        """[B, T, E] ↦ [B, H]; UserError where T is more than `longest`."""
        hidden = tf.nn.relu(self.symbol_projection(embedded) + self.positions.at(0, embedded.shape[1]))
        return tf.reduce_mean(hidden + self.attention(hidden), axis=1)
