"""What every channel is."""

import abc
import copy

import tensorflow as tf

from tf_emcom.arguments import Checked
from tf_emcom.errors import UserError, require_number
from tf_emcom.schedules.schedule import Schedule, bounds_of
from tf_emcom.seeds import Stream
from tf_emcom.types import Message


class Channel(Checked, abc.ABC):
    """The way of a message from the speaker to the listener."""

    @abc.abstractmethod
    def __call__(self, message: Message, vocab_size: int, step: tf.Tensor, stream: Stream) -> Message:
        """What arrives of `message` at `step`; ids stay in [0, vocab_size], where vocab_size is UNK."""

    @abc.abstractmethod
    def noise(self, step: tf.Tensor) -> tf.Tensor:
        """The channel's noise at `step`, float32 [] in [0, 1], for the record."""

    def with_noise(self, noise: float | tf.Tensor) -> "Channel":
        """The channel with another noise, the same at every step: what tests of trained agents play with.

        With the noise 0 every symbol arrives. By default it is a copy with another attribute `probability`; a channel
        whose noise is something else overrides this method.

        Args:
          noise: in [0, 1], or float32 [] where it is known only when a compiled step runs.

        Raises:
          UserError: the channel has no such attribute.
        """
        if not hasattr(self, "probability"):
            name = type(self).__name__
            raise UserError(
                f"{name} has no attribute probability, so tests cannot give it a noise of their own; write a method"
                f" {name}.with_noise(noise) that returns the channel with that noise, or bind the test's channel to"
                " another one, as in TestChannel.channel=@Erasure()."
            )
        other = copy.copy(self)
        other.probability = noise
        return other


def check_probability(name: str, value: Schedule | float) -> Schedule | float:
    """`value`, if it is a schedule or a number in [0, 1]; UserError otherwise."""
    for bound in bounds_of(value):
        require_number(name, bound, 0, 1, "a probability lies between 0 and 1 (the macro noise sets it)")
    return value
