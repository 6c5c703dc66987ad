"""Noisy channels between speaker and listener."""

import abc
import copy
from collections.abc import Sequence

import tensorflow as tf

from tf_emcom.agents.speaker import Speaker
from tf_emcom.checks import Checked, Index
from tf_emcom.errors import UserError, require_number
from tf_emcom.ops import categorical
from tf_emcom.ops.noise import erase, erase_positions, substitute
from tf_emcom.schedules import Schedule, at, bounds_of
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
        """The channel with another noise, the same at every step, as tests of trained agents need it.

        `noise` is in [0, 1], or float32 [] where it is known only when a compiled step runs; with 0 every symbol
        arrives. By default it is a copy with another attribute `probability`, UserError where there is none; a channel
        whose noise is something else overrides this method.
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


def transmit(
    channel: Channel,
    speaker: Speaker,
    sent: tf.Tensor,
    step: tf.Tensor,
    stream: Stream,
    relaxed: tf.Tensor | None = None,
    erased: tf.Tensor | None = None,
) -> Message:
    """Sends messages int32 [B, T] through a channel: what comes after the end of a message stays as it was sent.

    The speaker's grammar says where messages end, its vocabulary what UNK is. Soft symbols `relaxed` [B, T, V], whose
    hard form is `sent`, arrive as [B, T, V + 1]; the listener reads them where a symbol is unchanged. The positions
    that are `erased`, bool [T], are lost besides.
    """
    corrupted = channel(Message(sent), speaker.vocab_size, step, stream).symbols
    if erased is not None:
        corrupted = tf.where(erased, speaker.vocab_size, corrupted)
    received = speaker.grammar.mask_after_end(sent, corrupted)
    return Message(received, None if relaxed is None else categorical.arrived(relaxed, sent, received))


class NoisyChannel(Channel, abc.ABC):
    """The base class of channels that change each symbol independently, with one probability."""

    def __init__(self, probability: Schedule | float) -> None:
        """`probability` in [0, 1], constant or a schedule; UserError otherwise."""
        name = f"{type(self).__name__}.probability"
        for bound in bounds_of(probability):
            require_number(name, bound, 0, 1, "a probability lies between 0 and 1 (the macro noise sets it)")
        self.probability = probability

    def noise(self, step: tf.Tensor) -> tf.Tensor:
        return at(self.probability, step)


class Erasure(NoisyChannel):
    """Each symbol independently becomes UNK with a probability (NEC)."""

    def __call__(self, message: Message, vocab_size: int, step: tf.Tensor, stream: Stream) -> Message:
        uniform = stream.uniform(message.symbols.shape[1])
        return Message(erase(message.symbols, self.noise(step), uniform, unknown=vocab_size))


class SteadyChannel(Channel, abc.ABC):
    """The base class of channels that leave nothing to chance; their noise is 0."""

    def noise(self, step: tf.Tensor) -> tf.Tensor:
        return tf.zeros([])

    def with_noise(self, noise: float | tf.Tensor) -> Channel:
        """Erasure: agents that met no noise are tested with the noise of the noisy games (NEC, section 2.2)."""
        return Erasure(0.0).with_noise(noise)


class Clear(SteadyChannel):
    """Every symbol arrives."""

    def __call__(self, message: Message, vocab_size: int, step: tf.Tensor, stream: Stream) -> Message:
        return message


class FixedErasure(SteadyChannel):
    """The symbols at `positions` become UNK, in every message."""

    def __init__(self, positions: Sequence[Index]) -> None:
        """`positions` count from 0; UserError where one is negative or named twice."""
        if len(set(positions)) != len(positions):
            raise UserError(f"FixedErasure.positions is {list(positions)}; bind distinct positions.")
        self.positions = tuple(positions)

    def __call__(self, message: Message, vocab_size: int, step: tf.Tensor, stream: Stream) -> Message:
        length = message.symbols.shape[1]
        if max(self.positions, default=0) >= length:
            raise UserError(
                f"FixedErasure.positions holds {max(self.positions)}, but messages have {length} symbols; bind"
                f" positions below {length}."
            )
        return Message(erase_positions(message.symbols, self.positions, unknown=vocab_size))


class Substitution(NoisyChannel):
    """Each symbol is independently replaced, with a probability, by a uniform draw from the vocabulary."""

    def __call__(self, message: Message, vocab_size: int, step: tf.Tensor, stream: Stream) -> Message:
        length = message.symbols.shape[1]
        whether = stream.stage("whether").uniform(length)
        by_what = stream.stage("by what").uniform(length)
        return Message(substitute(message.symbols, self.noise(step), whether, by_what, vocab_size))
