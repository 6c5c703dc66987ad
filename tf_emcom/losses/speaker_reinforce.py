"""REINFORCE for the speaker."""

import tensorflow as tf

from tf_emcom.losses.loss import Loss, needed
from tf_emcom.ops import categorical
from tf_emcom.ops.policy_gradient import policy_gradient_loss, squared_error
from tf_emcom.schedules.schedule import Schedule, at
from tf_emcom.types import LossTerms, Play


class SpeakerReinforce(Loss):
    """REINFORCE with a learnt baseline, an entropy bonus and a pull towards the target speaker (EaS, section 2).

    Means over the T symbols of −(R − sg(v_t))·log π(a_t), of (R − v_t)², of −β·entropy_t and of κ·KL(π_t ‖ π^target_t).
    """

    def __init__(self, entropy_coefficient: Schedule | float = 1e-4, kl_coefficient: Schedule | float = 0.5) -> None:
        """β and κ, constants or schedules."""
        self.entropy_coefficient = entropy_coefficient
        self.kl_coefficient = kl_coefficient

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        """The terms of B games, each [B]."""
        speech = play.speech
        value = needed(speech.value, self, "a value", "@PolicyValue or @PolicyQValueDueling")
        reward = play.outcome.reward[:, tf.newaxis]
        # The target speaker is a fixed point to be pulled towards.
        divergence = categorical.kl(speech.policy_logits, tf.stop_gradient(play.target_speech.policy_logits))
        policy = tf.reduce_mean(policy_gradient_loss(reward - value, speech.log_probs), axis=1)
        critic = tf.reduce_mean(squared_error(reward, value), axis=1)
        entropy = tf.reduce_mean(speech.entropy, axis=1)
        entropy_loss = -at(self.entropy_coefficient, step) * entropy
        kl_loss = at(self.kl_coefficient, step) * tf.reduce_mean(divergence, axis=1)
        loss = policy + critic + entropy_loss + kl_loss
        return LossTerms(
            loss,
            {
                "speaker_loss": loss,
                "speaker_policy_loss": policy,
                "speaker_value_loss": critic,
                "speaker_entropy_loss": entropy_loss,
                "speaker_kl_loss": kl_loss,
                "speaker_entropy": entropy,
                "speaker_value": tf.reduce_mean(value, axis=1),
            },
        )
