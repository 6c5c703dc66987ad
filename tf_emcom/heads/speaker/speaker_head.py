"""What every speaker head is."""

import abc
from typing import NamedTuple

import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.nets.linear import Linear
from tf_emcom.nets.part import Part


class Values(NamedTuple):
    """What a head thinks a message is worth, at each of its symbols."""

    value: tf.Tensor | None  # [B, T] where the head has it
    q_values: tf.Tensor | None  # [B, T, V] where the head has them


class SpeakerHead(Part, abc.ABC):
    """A policy over the vocabulary, and perhaps critics, on the outputs of a core.

    A subclass creates its critics in `build_critics` and uses them in `values`.
    """

    def __init__(self, vocab_size: Size, name: str | None = None) -> None:
        super().__init__(name=name)
        self.vocab_size = vocab_size
        self.policy = Linear(vocab_size, name="policy")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights; `input_shape` is [..., H]."""
        self.policy.build(input_shape)
        self.build_critics(input_shape)
        self.built = True

    def build_critics(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the critics' weights; without critics, nothing."""

    def policy_logits(self, outputs: tf.Tensor) -> tf.Tensor:
        """[..., H] ↦ [..., V]."""
        return self.policy(outputs)

    def values(self, outputs: tf.Tensor) -> Values:
        """[B, T, H] ↦ what the head's critics say; without critics, neither value nor Q-values."""
        return Values(None, None)
