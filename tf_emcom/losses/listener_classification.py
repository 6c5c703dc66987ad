"""Supervision for a listener that names labels."""

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.losses.loss import Loss
from tf_emcom.ops.classification import cross_entropy_of_classes, in_top
from tf_emcom.types import LossTerms, Play

_TOP = 5


class ListenerClassification(Loss):
    """Softmax cross-entropy, mean over the labels of an input (EaS, section 2.4).

    Where there are more than five classes, the share of the labels among the best five is told as well.
    """

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        """The terms of B games, each [B]."""
        scores, target = play.hearing.scores, play.candidates.target
        if scores.shape.rank != 3:
            raise UserError(
                "ListenerClassification needs a listener that names labels, but this one chooses among candidates; bind"
                " task to @Naming(), or the loss to @ListenerContrastive()."
            )
        loss = cross_entropy_of_classes(scores, target)
        more = {"listener_top5": in_top(_TOP, scores, target)} if scores.shape[2] > _TOP else {}
        return LossTerms(loss, {"listener_loss": loss, **more})
