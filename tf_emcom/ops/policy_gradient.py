"""Policy gradients and their critics."""

import tensorflow as tf


def policy_gradient_loss(advantage: tf.Tensor, log_probs: tf.Tensor) -> tf.Tensor:
    """−sg(advantage) · log π(a), of any one shape (Williams 1992, with a baseline inside the advantage)."""
    return -tf.stop_gradient(advantage) * log_probs


def squared_error(reward: tf.Tensor, estimate: tf.Tensor) -> tf.Tensor:
    """(sg(R) − estimate)², of any one shape: what teaches a critic."""
    return tf.square(tf.stop_gradient(reward) - estimate)
