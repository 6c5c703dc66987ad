"""What is left to a speaker that the listener's loss teaches."""

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.losses.loss import Loss
from tf_emcom.ops import categorical
from tf_emcom.schedules.schedule import Schedule, at
from tf_emcom.types import LossTerms, Play


class SpeakerThroughListener(Loss):
    """An entropy bonus and a pull towards the target speaker; all else comes through soft symbols.

    The gradient of the listener's loss flows back into the speaker that uttered them (Jang et al. 2017; Havrylov &
    Titov 2017), so the reward plays no part. Means over the T symbols of −β·entropy_t and of κ·KL(π_t ‖ π^target_t).
    """

    def __init__(self, entropy_coefficient: Schedule | float = 1e-4, kl_coefficient: Schedule | float = 0.0) -> None:
        """β and κ, constants or schedules."""
        self.entropy_coefficient = entropy_coefficient
        self.kl_coefficient = kl_coefficient

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        """The terms of B games, each [B]; UserError where the speaker utters no soft symbols."""
        speech = play.speech
        if speech.relaxed is None:
            raise UserError(
                "SpeakerThroughListener teaches through soft symbols, but this speaker utters none; bind"
                " Speaker.articulation to @GumbelSoftmax() or @StraightThrough()."
            )
        divergence = categorical.kl(speech.policy_logits, tf.stop_gradient(play.target_speech.policy_logits))
        entropy = tf.reduce_mean(speech.entropy, axis=1)
        entropy_loss = -at(self.entropy_coefficient, step) * entropy
        kl_loss = at(self.kl_coefficient, step) * tf.reduce_mean(divergence, axis=1)
        loss = entropy_loss + kl_loss
        return LossTerms(
            loss,
            {
                "speaker_loss": loss,
                "speaker_entropy_loss": entropy_loss,
                "speaker_kl_loss": kl_loss,
                "speaker_entropy": entropy,
            },
        )
