"""Symbols as vectors."""

import keras
import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.nets.part import Part


class SymbolEmbedding(Part):
    """A vector for each of `symbols` ids, truncated normal with σ = 1.

    It is looked up as a product with one-hot rows: for the few symbols of an emergent language that costs nothing,
    and it leaves neither a gather in the step nor a scatter in its gradient, which are slow on TPUs.
    """

    def __init__(self, symbols: Size, size: Size = 10, name: str | None = None) -> None:
        super().__init__(name=name)
        self.symbols = symbols
        self.size = size

    def build(self, input_shape: tuple[int | None, ...] = ()) -> None:
        """Creates the table [symbols, size]."""
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.symbols, self.size),
            initializer=keras.initializers.TruncatedNormal(stddev=1.0),
        )
        self.built = True

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int [...], or soft symbols, float [..., symbols] ↦ [..., size]; a soft symbol is a mean of vectors."""
        table = tf.convert_to_tensor(self.embeddings)
        weights = ids if ids.dtype.is_floating else tf.one_hot(ids, self.symbols, dtype=table.dtype)
        return tf.tensordot(weights, table, axes=1)
