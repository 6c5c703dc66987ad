"""The channel without noise."""

import tensorflow as tf

from tf_emcom.channels.channel import Channel
from tf_emcom.channels.erasure import Erasure
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

    def with_noise(self, noise: float | tf.Tensor) -> Erasure:
        """Erasure: agents that met no noise are tested with the noise of the noisy games (NEC, section 2.2)."""
        return Erasure(0.0).with_noise(noise)
