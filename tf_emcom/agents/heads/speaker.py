"""Heads of speakers: from a core's state to the next symbol, with or without a critic."""

import abc
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from tf_emcom.agents.nets.layers import Linear, Mlp, Part
from tf_emcom.checks import Size


class Values(NamedTuple):
    """What a speaker's head thinks of each symbol of a message, and a listener's of a game; None where it does not."""

    value: tf.Tensor | None  # [B, T], or [B]
    q_values: tf.Tensor | None  # [B, T, V], or [B, C]


def critic_net(hidden_sizes: Sequence[int], units: int, name: str) -> Part:
    """A net that estimates `units` values: linear, or with hidden layers of these widths and ReLU."""
    return Mlp((*hidden_sizes, units), name=name) if hidden_sizes else Linear(units, name=name)


class SpeakerHead(Part, abc.ABC):
    """A policy over the vocabulary, and perhaps critics, on the outputs of a core.

    A subclass creates its critics in `build_critics` and uses them in `values`.
    """

    def __init__(self, vocab_size: Size, name: str | None = None) -> None:
        super().__init__(name=name)
        self.vocab_size = vocab_size
        self.policy = Linear(vocab_size, name="policy")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.policy.build(input_shape)
        self.build_critics(input_shape)

    def build_critics(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the critics' weights; without critics, nothing."""

    def policy_logits(self, outputs: tf.Tensor) -> tf.Tensor:
        """[..., H] ↦ [..., V]."""
        return self.policy(outputs)

    def values(self, outputs: tf.Tensor) -> Values:
        """[B, T, H] ↦ what the head's critics say; without critics, neither value nor Q-values."""
        return Values(None, None)


class Policy(SpeakerHead):
    """Policy logits only."""


class PolicyValue(SpeakerHead):
    """Policy logits and a linear state value."""

    def build_critics(self, input_shape: tuple[int | None, ...]) -> None:
        self.value = Linear(1, name="value")
        self.value.build(input_shape)

    def values(self, outputs: tf.Tensor) -> Values:
        return Values(self.value(outputs)[..., 0], None)


class Dueling(Part):
    """Q = v + a − mean(a) (Wang et al. 2016, eq. 9); v and a have hidden layers of `hidden_sizes` each, if any."""

    def __init__(self, actions: Size, hidden_sizes: Sequence[Size] = (), name: str | None = None) -> None:
        super().__init__(name=name)
        self.value = critic_net(hidden_sizes, 1, name="value")
        self.advantage = critic_net(hidden_sizes, actions, name="advantage")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.value.build(input_shape)
        self.advantage.build(input_shape)

    def call(self, outputs: tf.Tensor) -> Values:
        """[B, T, H] ↦ value [B, T] and Q-values [B, T, V]."""
        value, advantage = self.value(outputs), self.advantage(outputs)
        q_values = value + advantage - tf.reduce_mean(advantage, axis=-1, keepdims=True)
        return Values(value[..., 0], q_values)


class PolicyQValue(SpeakerHead):
    """Policy logits; state value and Q-values of one dueling net."""

    def build_critics(self, input_shape: tuple[int | None, ...]) -> None:
        self.dueling = Dueling(self.vocab_size, name="dueling")
        self.dueling.build(input_shape)

    def values(self, outputs: tf.Tensor) -> Values:
        return self.dueling(outputs)


class PolicyQValueDueling(PolicyValue):
    """Policy logits, a separate linear state value, and the Q-values of a dueling net."""

    def build_critics(self, input_shape: tuple[int | None, ...]) -> None:
        super().build_critics(input_shape)
        self.dueling = Dueling(self.vocab_size, name="dueling")
        self.dueling.build(input_shape)

    def values(self, outputs: tf.Tensor) -> Values:
        return Values(self.value(outputs)[..., 0], self.dueling(outputs).q_values)


class PolicyMlpCritics(PolicyQValueDueling):
    """As `PolicyQValueDueling`, with hidden layers of `hidden_sizes` in the value net and the dueling net."""

    def __init__(self, vocab_size: Size, hidden_sizes: Sequence[Size] = (256,), name: str | None = None) -> None:
        super().__init__(vocab_size, name=name)
        self.hidden_sizes = tuple(hidden_sizes)

    def build_critics(self, input_shape: tuple[int | None, ...]) -> None:
        self.value = critic_net(self.hidden_sizes, 1, name="value")
        self.dueling = Dueling(self.vocab_size, self.hidden_sizes, name="dueling")
        for net in (self.value, self.dueling):
            net.build(input_shape)
