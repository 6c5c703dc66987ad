"""The channel that loses the symbols at given positions."""

from collections.abc import Sequence

import tensorflow as tf

from tf_emcom.channels.channel import Channel
from tf_emcom.channels.erasure import Erasure
from tf_emcom.errors import UserError, require_integer
from tf_emcom.ops.corruption import erase_positions
from tf_emcom.seeds import Stream
from tf_emcom.types import Message


class FixedErasure(Channel):
    """The symbols at `positions` become UNK, in every message."""

    def __init__(self, positions: Sequence[int]) -> None:
        """`positions` count from 0; UserError where one is negative or named twice."""
        for position in positions:
            require_integer("FixedErasure.positions", position, 0, "each is a place in the message, counting from 0")
        if len(set(positions)) != len(positions):
            raise UserError(f"FixedErasure.positions is {list(positions)}; bind distinct positions.")
        self.positions = tuple(positions)

    def __call__(self, message: Message, vocab_size: int, step: tf.Tensor, stream: Stream) -> Message:
        """The message with those symbols erased; UserError where a position lies behind its end."""
        length = message.symbols.shape[1]
        if max(self.positions, default=0) >= length:
            raise UserError(
                f"FixedErasure.positions holds {max(self.positions)}, but messages have {length} symbols; bind"
                f" positions below {length}."
            )
        return Message(erase_positions(message.symbols, self.positions, unknown=vocab_size))

    def noise(self, step: tf.Tensor) -> tf.Tensor:
        """Zero, float32 []: nothing is left to chance."""
        return tf.zeros([])

    def with_noise(self, noise: float | tf.Tensor) -> Erasure:
        """Erasure: the same loss, at random positions."""
        return Erasure(0.0).with_noise(noise)
