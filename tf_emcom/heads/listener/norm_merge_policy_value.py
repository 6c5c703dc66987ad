"""The usual listener head for reinforcement learning."""

import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.heads.listener.listener_head import ListenerHead, Values
from tf_emcom.nets.mlp import Mlp


class NormMergePolicyValue(ListenerHead):
    """Logits are dot products of tanh projections; the state value is an MLP on them (NEC, `norm_merge_pol_val`)."""

    def __init__(self, size: Size = 256, activation: str | None = "tanh", name: str | None = None) -> None:
        super().__init__(size, activation, name=name)

    def build_critics(self, candidates: int) -> None:
        """Creates the value net, of widths max(C/4, 4), max(C/16, 2) and 1."""
        self.value = Mlp((max(candidates // 4, 4), max(candidates // 16, 2), 1), name="value")
        self.value.build((None, candidates))

    def values(self, scores: tf.Tensor) -> Values:
        """[B, C] ↦ value [B], no Q-values."""
        return Values(self.value(scores)[:, 0], None)
