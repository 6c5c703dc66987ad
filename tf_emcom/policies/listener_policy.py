"""What every policy of a listener is."""

import abc

import tensorflow as tf

from tf_emcom.arguments import Checked
from tf_emcom.errors import UserError
from tf_emcom.ops import categorical
from tf_emcom.seeds import Stream
from tf_emcom.types import Choice


class ListenerPolicy(Checked, abc.ABC):
    """A way to take one of the candidates."""

    @abc.abstractmethod
    def __call__(self, scores: tf.Tensor, step: tf.Tensor, stream: Stream) -> Choice:
        """One choice a game, from scores [B, C]."""


def require_candidates(policy: ListenerPolicy, scores: tf.Tensor) -> None:
    """UserError unless scores are [B, C], of which one can be drawn."""
    if scores.shape.rank != 2:
        name = type(policy).__name__
        raise UserError(
            f"{name} draws one of the candidates of a game, but this listener names labels; bind"
            " naming/Game.listener_policy to @Greedy(), or task to @Discrimination()."
        )


def choice_from(logits: tf.Tensor, candidates: tf.Tensor) -> Choice:
    """The record of having taken `candidates` int32 [B] under `logits` [B, C]."""
    return Choice(candidates, categorical.log_prob(logits, candidates), categorical.entropy(logits))
