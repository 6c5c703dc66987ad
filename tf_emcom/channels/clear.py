"""The channel without noise."""

import tensorflow as tf

from tf_emcom.channels.channel import Channel
from tf_emcom.seeds import Stream
from tf_emcom.types import Message


class Clear(Channel):
    """Every symbol arrives."""

    def __call__(self, message: Message, vocab_size: int, step: tf.Tensor, stream: Stream) -> Message:
        """The message itself."""
        return message

    def noise(self, step: tf.Tensor) -> tf.Tensor:
        """Zero, float32 []."""
        return tf.zeros([])
