"""The channel that loses symbols."""

import tensorflow as tf

from tf_emcom.channels.channel import Channel, check_probability
from tf_emcom.ops.corruption import erase
from tf_emcom.schedules.schedule import Schedule, at
from tf_emcom.seeds import Stream
from tf_emcom.types import Message


class Erasure(Channel):
    """Each symbol independently becomes UNK with a probability (NEC)."""

    def __init__(self, probability: Schedule | float) -> None:
        """`probability` in [0, 1], constant or a schedule; UserError otherwise."""
        self.probability = check_probability("Erasure.probability", probability)

    def __call__(self, message: Message, vocab_size: int, step: tf.Tensor, stream: Stream) -> Message:
        """The message with erased symbols."""
        uniform = stream.uniform(message.symbols.shape[1])
        return Message(erase(message.symbols, self.noise(step), uniform, unknown=vocab_size))

    def noise(self, step: tf.Tensor) -> tf.Tensor:
        """The erasure probability at `step`, float32 []."""
        return at(self.probability, step)
