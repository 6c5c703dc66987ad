"""Bidirectional transformer."""

import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.nets.message_reader import MessageReader
from tf_emcom.nets.transformer import Transformer


class TransformerReader(MessageReader):
    """A transformer encoder (Vaswani et al. 2017) for listeners: all symbols see each other.

    What was read is the mean of its outputs over the symbols.
    """

    def __init__(
        self, units: Size = 256, heads: Size = 4, layers: Size = 2, longest: Size = 64, name: str | None = None
    ) -> None:
        """UserError unless `heads` divides `units`; `longest` counts the symbols of the longest message."""
        super().__init__(name=name)
        self.transformer = Transformer(units, heads, layers, longest, name="transformer")
        self.units = units
        self.longest = longest

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights; `input_shape` is [B, E]."""
        self.transformer.build(input_shape)
        self.built = True

    def read(self, embedded: tf.Tensor) -> tf.Tensor:
        """[B, T, E] ↦ [B, H]; UserError where T is more than `longest`."""
        outputs, _ = self.transformer.extend(self.transformer.tokens(embedded, 0), ())
        return tf.reduce_mean(outputs, axis=1)
