"""Advantage REINFORCE for the listener."""

import tensorflow as tf

from tf_emcom.losses.listener_reinforce import ListenerReinforce
from tf_emcom.losses.loss import needed
from tf_emcom.ops.policy_gradient import policy_gradient_loss, squared_error
from tf_emcom.ops.selection import take
from tf_emcom.schedules.schedule import at
from tf_emcom.types import LossTerms, Play


class ListenerAdvantageReinforce(ListenerReinforce):
    """−(sg(Q(a)) − sg(v))·log π(a) − β·entropy + w·((r − Q(a))² + (r − v)²) (NEC).

    β and w as for REINFORCE.
    """

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        """The terms of B games, each [B]."""
        reward, choice, hearing = play.outcome.reward, play.choice, play.hearing
        value = needed(hearing.value, self, "a value", "@NormMergePolicyQValue")
        chosen = take(needed(hearing.q_values, self, "Q-values", "@NormMergePolicyQValue"), choice.candidates)
        policy = policy_gradient_loss(chosen - value, choice.log_probs)
        action_critic, critic = squared_error(reward, chosen), squared_error(reward, value)
        entropy_loss = -at(self.entropy_coefficient, step) * choice.entropy
        loss = policy + entropy_loss + at(self.value_coefficient, step) * (action_critic + critic)
        return LossTerms(
            loss,
            {
                "listener_loss": loss,
                "listener_policy_loss": policy,
                "listener_action_value_loss": action_critic,
                "listener_value_loss": critic,
                "listener_entropy_loss": entropy_loss,
                "listener_entropy": choice.entropy,
                "listener_value": value,
                "listener_q_value": chosen,
            },
        )
