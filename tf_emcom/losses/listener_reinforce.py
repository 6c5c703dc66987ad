"""REINFORCE for the listener."""

import tensorflow as tf

from tf_emcom.losses.loss import Loss, needed
from tf_emcom.ops.policy_gradient import policy_gradient_loss, squared_error
from tf_emcom.schedules.schedule import Schedule, at
from tf_emcom.types import LossTerms, Play


class ListenerReinforce(Loss):
    """−(r − sg(v))·log π(a) − β·entropy + w·(r − v)² (NEC)."""

    def __init__(
        self, entropy_coefficient: Schedule | float = 1e-4, value_coefficient: Schedule | float = 1e-3
    ) -> None:
        """β and w, constants or schedules."""
        self.entropy_coefficient = entropy_coefficient
        self.value_coefficient = value_coefficient

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        """The terms of B games, each [B]."""
        reward, choice = play.outcome.reward, play.choice
        value = needed(play.hearing.value, self, "a value", "@NormMergePolicyValue")
        policy = policy_gradient_loss(reward - value, choice.log_probs)
        critic = squared_error(reward, value)
        entropy_loss = -at(self.entropy_coefficient, step) * choice.entropy
        loss = policy + entropy_loss + at(self.value_coefficient, step) * critic
        return LossTerms(
            loss,
            {
                "listener_loss": loss,
                "listener_policy_loss": policy,
                "listener_value_loss": critic,
                "listener_entropy_loss": entropy_loss,
                "listener_entropy": choice.entropy,
                "listener_value": value,
            },
        )
