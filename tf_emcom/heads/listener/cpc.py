"""The self-supervised listener head."""

import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.heads.listener.listener_head import ListenerHead
from tf_emcom.ops.distances import pairwise_cosine_loss


class Cpc(ListenerHead):
    """Contrastive predictive coding: scores are minus the cosine losses of the projections.

    `activation` is tanh as in NEC; None is what EaS has.
    """

    def __init__(self, size: Size = 256, activation: str | None = "tanh", name: str | None = None) -> None:
        super().__init__(size, activation, name=name)

    def compare(self, messages: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """[B, E] and [N, E] ↦ [B, N] in [−4, 0]."""
        return -pairwise_cosine_loss(messages, candidates)
