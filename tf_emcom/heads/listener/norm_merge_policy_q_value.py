"""The usual listener head for reinforcement learning, with Q-values."""

import tensorflow as tf

from tf_emcom.heads.listener.listener_head import Values
from tf_emcom.heads.listener.norm_merge_policy_value import NormMergePolicyValue
from tf_emcom.nets.linear import Linear


class NormMergePolicyQValue(NormMergePolicyValue):
    """As `NormMergePolicyValue`, with dueling Q-values on the policy logits: what advantage REINFORCE needs."""

    def build_critics(self, candidates: int) -> None:
        """Creates the value net and the advantage net."""
        super().build_critics(candidates)
        self.advantage = Linear(candidates, name="advantage")
        self.advantage.build((None, candidates))

    def values(self, scores: tf.Tensor) -> Values:
        """[B, C] ↦ value [B] and Q-values [B, C], Q = v + a − mean(a) (Wang et al. 2016, eq. 9)."""
        value = super().values(scores).value
        advantage = self.advantage(scores)
        centred = advantage - tf.reduce_mean(advantage, axis=-1, keepdims=True)
        return Values(value, value[:, tf.newaxis] + centred)
