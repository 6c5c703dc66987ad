"""Symbols as the outputs of an LSTM."""

import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.nets.lstm_core import LstmCore
from tf_emcom.nets.part import Part
from tf_emcom.nets.symbol_embedding import SymbolEmbedding


class DiscreteLstm(Part):
    """A listener's torso: symbols are embedded, an LSTM reads them, and the core reads its outputs at all of them.

    Attributes:
      size: of the vector that the core gets for a symbol.
    """

    def __init__(self, symbols: Size, embedding_size: Size = 10, units: Size = 256, name: str | None = None) -> None:
        super().__init__(name=name)
        self.embedding = SymbolEmbedding(symbols, embedding_size, name="embedding")
        self.lstm = LstmCore(units, name="lstm")
        self.size = units

    def build(self, input_shape: tuple[int | None, ...] = ()) -> None:
        """Creates the weights."""
        self.embedding.build()
        self.lstm.build((None, self.embedding.size))
        self.built = True

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int [B, T], or soft symbols, float [B, T, symbols] ↦ [B, T, units]."""
        return tf.stack(self.lstm.outputs(self.embedding(ids)), axis=1)
