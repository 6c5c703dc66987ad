"""The speaker head whose value and Q-values come from one dueling net."""

import tensorflow as tf

from tf_emcom.heads.speaker.dueling import Dueling
from tf_emcom.heads.speaker.speaker_head import SpeakerHead, Values


class PolicyQValue(SpeakerHead):
    """Policy logits; state value and Q-values of one dueling net."""

    def build_critics(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the dueling net."""
        self.dueling = Dueling(self.vocab_size, name="dueling")
        self.dueling.build(input_shape)

    def values(self, outputs: tf.Tensor) -> Values:
        """[B, T, H] ↦ value [B, T] and Q-values [B, T, V]."""
        return self.dueling(outputs)
