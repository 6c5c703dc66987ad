"""Self-supervision for the listener."""

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.losses.loss import Loss
from tf_emcom.ops.contrastive import cross_entropy
from tf_emcom.types import LossTerms, Play


class ListenerContrastive(Loss):
    """Cross-entropy of the right candidate among those shown (EaS, section 2).

    Which candidates a game shows is the task's matter: the whole batch or sampled distractors.
    """

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        """The terms of B games, each [B]."""
        if play.hearing.scores.shape.rank != 2:
            raise UserError(
                "ListenerContrastive needs a listener that chooses among candidates, but this one names labels; bind"
                " task to @Discrimination(), or the loss to @ListenerClassification()."
            )
        loss = cross_entropy(play.hearing.scores, play.candidates.target)
        return LossTerms(loss, {"listener_loss": loss})
