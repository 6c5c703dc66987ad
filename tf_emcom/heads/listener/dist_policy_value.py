"""The listener head that compares by cosine."""

import tensorflow as tf

from tf_emcom.heads.listener.listener_head import ListenerHead, Values
from tf_emcom.nets.linear import Linear
from tf_emcom.ops.distances import pairwise_cosine_loss


class DistPolicyValue(ListenerHead):
    """Policy logits are cosines, 1 − d/2 with the cosine loss d; the state value is a sigmoid of a linear map of them.

    NEC, `dist_pol_val`. A value in (0, 1) suits a reward of success 0/1.
    """

    def build_critics(self, candidates: int) -> None:
        """Creates the value net."""
        self.value = Linear(1, activation="sigmoid", name="value")
        self.value.build((None, candidates))

    def compare(self, messages: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """[B, E] and [N, E] ↦ [B, N] in [−1, 1]."""
        return 1.0 - pairwise_cosine_loss(messages, candidates) / 2.0

    def values(self, scores: tf.Tensor) -> Values:
        """[B, C] ↦ value [B] in (0, 1), no Q-values."""
        return Values(self.value(scores)[:, 0], None)
