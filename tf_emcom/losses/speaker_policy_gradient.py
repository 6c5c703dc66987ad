"""Policy gradient for the speaker, with a learnt action value."""

import tensorflow as tf

from tf_emcom.losses.loss import Loss, needed
from tf_emcom.ops.policy_gradient import policy_gradient_loss, squared_error
from tf_emcom.ops.selection import take
from tf_emcom.schedules.schedule import Schedule, at
from tf_emcom.types import LossTerms, Play


class SpeakerPolicyGradient(Loss):
    """The advantage is sg(Q_t(a_t)) − sg(v_t) instead of the reward minus a baseline (Sutton et al. 1999).

    Means over the T symbols of −(sg(Q_t(a_t)) − sg(v_t))·log π(a_t), of (R − Q_t(a_t))², of (R − v_t)² and of
    −β·entropy_t.
    """

    def __init__(self, entropy_coefficient: Schedule | float = 1e-4) -> None:
        """β, a constant or a schedule."""
        self.entropy_coefficient = entropy_coefficient

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        """The terms of B games, each [B]."""
        speech = play.speech
        heads = "@PolicyQValue or @PolicyQValueDueling"
        value = needed(speech.value, self, "a value", heads)
        chosen = take(needed(speech.q_values, self, "Q-values", heads), speech.symbols)
        reward = play.outcome.reward[:, tf.newaxis]
        policy = tf.reduce_mean(policy_gradient_loss(chosen - value, speech.log_probs), axis=1)
        action_critic = tf.reduce_mean(squared_error(reward, chosen), axis=1)
        critic = tf.reduce_mean(squared_error(reward, value), axis=1)
        entropy = tf.reduce_mean(speech.entropy, axis=1)
        entropy_loss = -at(self.entropy_coefficient, step) * entropy
        loss = policy + action_critic + critic + entropy_loss
        return LossTerms(
            loss,
            {
                "speaker_loss": loss,
                "speaker_policy_loss": policy,
                "speaker_action_value_loss": action_critic,
                "speaker_value_loss": critic,
                "speaker_entropy_loss": entropy_loss,
                "speaker_entropy": entropy,
                "speaker_value": tf.reduce_mean(value, axis=1),
                "speaker_q_value": tf.reduce_mean(chosen, axis=1),
            },
        )
