"""What every loss is."""

import abc

import tensorflow as tf

from tf_emcom.arguments import Checked
from tf_emcom.errors import UserError
from tf_emcom.types import LossTerms, Play


class Loss(Checked, abc.ABC):
    """What an agent learns from: a play becomes terms, game by game, which the learner averages."""

    @abc.abstractmethod
    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        """The terms of B games, each [B]."""


def needed(values: tf.Tensor | None, loss: Loss, what: str, heads: str) -> tf.Tensor:
    """`values`, which the loss cannot do without; UserError that names heads which have them."""
    if values is None:
        raise UserError(
            f"{type(loss).__name__} needs a head with {what}, which this one lacks; bind head_cls to {heads}."
        )
    return values
