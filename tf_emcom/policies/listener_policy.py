"""What every policy of a listener is."""

import abc

import tensorflow as tf

from tf_emcom.ops import categorical
from tf_emcom.seeds import Stream
from tf_emcom.types import Choice


class ListenerPolicy(abc.ABC):
    """A way to take one of the candidates."""

    @abc.abstractmethod
    def __call__(self, scores: tf.Tensor, step: tf.Tensor, stream: Stream) -> Choice:
        """One choice a game, from scores [B, C]."""


def choice_from(logits: tf.Tensor, candidates: tf.Tensor) -> Choice:
    """The record of having taken `candidates` int32 [B] under `logits` [B, C]."""
    return Choice(candidates, categorical.log_prob(logits, candidates), categorical.entropy(logits))
