"""The channel that mistakes symbols for others."""

import tensorflow as tf

from tf_emcom.channels.channel import Channel, check_probability
from tf_emcom.ops.corruption import substitute
from tf_emcom.schedules.schedule import Schedule, at
from tf_emcom.seeds import Stream
from tf_emcom.types import Message


class Substitution(Channel):
    """Each symbol is independently replaced, with a probability, by a uniform draw from the vocabulary."""

    def __init__(self, probability: Schedule | float) -> None:
        """`probability` in [0, 1], constant or a schedule; UserError otherwise."""
        self.probability = check_probability("Substitution.probability", probability)

    def __call__(self, message: Message, vocab_size: int, step: tf.Tensor, stream: Stream) -> Message:
        """The message with replaced symbols."""
        length = message.symbols.shape[1]
        whether = stream.stage("whether").uniform(length)
        by_what = stream.stage("by what").uniform(length)
        return Message(substitute(message.symbols, self.noise(step), whether, by_what, vocab_size))

    def noise(self, step: tf.Tensor) -> tf.Tensor:
        """The substitution probability at `step`, float32 []."""
        return at(self.probability, step)
