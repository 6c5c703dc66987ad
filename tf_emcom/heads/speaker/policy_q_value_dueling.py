"""The speaker head with a value net beside a dueling Q net."""

import tensorflow as tf

from tf_emcom.heads.speaker.dueling import Dueling
from tf_emcom.heads.speaker.speaker_head import SpeakerHead, Values
from tf_emcom.nets.linear import Linear


class PolicyQValueDueling(SpeakerHead):
    """Policy logits, a separate linear state value, and the Q-values of a dueling net."""

    def build_critics(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the value net and the dueling net."""
        self.value = Linear(1, name="value")
        self.value.build(input_shape)
        self.dueling = Dueling(self.vocab_size, name="dueling")
        self.dueling.build(input_shape)

    def values(self, outputs: tf.Tensor) -> Values:
        """[B, T, H] ↦ value [B, T] and Q-values [B, T, V]."""
        return Values(self.value(outputs)[..., 0], self.dueling(outputs).q_values)
