"""The speaker head with a state value."""

import tensorflow as tf

from tf_emcom.heads.speaker.speaker_head import SpeakerHead, Values
from tf_emcom.nets.linear import Linear


class PolicyValue(SpeakerHead):
    """Policy logits and a linear state value."""

    def build_critics(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the value net."""
        self.value = Linear(1, name="value")
        self.value.build(input_shape)

    def values(self, outputs: tf.Tensor) -> Values:
        """[B, T, H] ↦ value [B, T], no Q-values."""
        return Values(self.value(outputs)[..., 0], None)
