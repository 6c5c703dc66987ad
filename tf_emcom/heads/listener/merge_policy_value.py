"""The plain listener head for reinforcement learning."""

import tensorflow as tf

from tf_emcom.heads.listener.listener_head import ListenerHead, Values
from tf_emcom.nets.linear import Linear


class MergePolicyValue(ListenerHead):
    """Logits are dot products of linear projections; the state value is linear in them (NEC, `merge_pol_val`)."""

    def build_critics(self, candidates: int) -> None:
        """Creates the value net."""
        self.value = Linear(1, name="value")
        self.value.build((None, candidates))

    def values(self, scores: tf.Tensor) -> Values:
        """[B, C] ↦ value [B], no Q-values."""
        return Values(self.value(scores)[:, 0], None)
