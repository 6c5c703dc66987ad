"""Positions as vectors."""

import keras
import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.errors import UserError
from tf_emcom.nets.part import Part


def require_positions(symbols: int, longest: int | None, core: str) -> None:
    """UserError where messages of so many symbols do not fit a core that knows `longest` positions; None: any."""
    if longest is not None and symbols > longest:
        raise UserError(
            f"A message has {symbols} symbols or more, but {core} knows {longest} positions; bind the core's longest to"
            " the message length, or more."
        )


class PositionEmbedding(Part):
    """A learnt vector for each of the first `longest` positions of a message, truncated normal with σ = 1."""

    def __init__(self, longest: Size, size: Size, name: str | None = None) -> None:
        super().__init__(name=name)
        self.longest = longest
        self.size = size

    def build(self, input_shape: tuple[int | None, ...] = ()) -> None:
        """Creates the table [longest, size]."""
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.longest, self.size),
            initializer=keras.initializers.TruncatedNormal(stddev=1.0),
        )
        self.built = True

    def at(self, first: int, count: int) -> tf.Tensor:
        """The vectors [count, size] of `count` positions from `first` on.

        Raises:
          UserError: there are not so many.
        """
        require_positions(first + count, self.longest, "its core")
        return tf.cast(self.embeddings, self.compute_dtype)[first : first + count]
