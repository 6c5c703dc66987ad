"""Heads of speakers: from a core's state to the next symbol, with or without a critic."""

import abc
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from tf_emcom.agents.nets.layers import Part, net
from tf_emcom.checks import Size


class Values(NamedTuple):
    """What a speaker's head thinks of each symbol of a message, and a listener's of a game; None where it does not."""

    value: tf.Tensor | None  # [B, T], or [B]
    q_values: tf.Tensor | None  # [B, T, V], or [B, C]


class SpeakerHead(Part, abc.ABC):
    """A policy over the vocabulary, and perhaps critics, on the outputs of a core.

    A subclass creates its critics in `build_critics` and uses them in `values`.
    """

    def __init__(self, vocab_size: Size, hidden_sizes: Sequence[Size] = (), name: str | None = None) -> None:
        """The policy and each critic are linear, or have hidden layers of `hidden_sizes` with ReLU (EaS)."""
        super().__init__(name=name)
        self.vocab_size = vocab_size
        self.hidden_sizes = tuple(hidden_sizes)
        self.policy = net(self.hidden_sizes, vocab_size, name="policy")

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
    """Policy logits and a state value."""

    def build_critics(self, input_shape: tuple[int | None, ...]) -> None:
        self.value = net(self.hidden_sizes, 1, name="value")
        self.value.build(input_shape)

    def values(self, outputs: tf.Tensor) -> Values:
        return Values(self.value(outputs)[..., 0], None)


class Dueling(Part):
    """Q = v + a − mean(a) (Wang et al. 2016, eq. 9); v and a have hidden layers of `hidden_sizes` each, if any."""

    def __init__(self, actions: Size, hidden_sizes: Sequence[Size] = (), name: str | None = None) -> None:
        super().__init__(name=name)
        self.value = net(hidden_sizes, 1, name="value")
        self.advantage = net(hidden_sizes, actions, name="advantage")

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
        self.dueling = Dueling(self.vocab_size, self.hidden_sizes, name="dueling")
        self.dueling.build(input_shape)

    def values(self, outputs: tf.Tensor) -> Values:
        return self.dueling(outputs)


class PolicyQValueDueling(PolicyValue):
    """Policy logits, a separate state value, and the Q-values of a dueling net."""

    def build_critics(self, input_shape: tuple[int | None, ...]) -> None:
        super().build_critics(input_shape)
        self.dueling = Dueling(self.vocab_size, self.hidden_sizes, name="dueling")
        self.dueling.build(input_shape)

    def values(self, outputs: tf.Tensor) -> Values:
        return Values(self.value(outputs)[..., 0], self.dueling(outputs).q_values)


class PolicyMlpCritics(PolicyQValueDueling):
    """As `PolicyQValueDueling`, with hidden layers of `hidden_sizes` in the critics and none in the policy."""

    def __init__(self, vocab_size: Size, hidden_sizes: Sequence[Size] = (256,), name: str | None = None) -> None:
        super().__init__(vocab_size, name=name)
        self.hidden_sizes = tuple(hidden_sizes)
