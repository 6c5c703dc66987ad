import tensorflow as tf

from tf_emcom.ops.losses import policy_gradient_loss, squared_error


def test_policy_gradient_teaches_the_policy_and_not_the_advantage():
    advantage, log_probs = tf.constant([2.0, -1.0]), tf.constant([-0.5, -3.0])
    with tf.GradientTape() as tape:
        tape.watch([advantage, log_probs])
        loss = policy_gradient_loss(advantage, log_probs)
    assert loss.numpy().tolist() == [1.0, -3.0]
    of_advantage, of_log_probs = tape.gradient(loss, [advantage, log_probs])
    assert of_advantage is None
    assert of_log_probs.numpy().tolist() == [-2.0, 1.0]


def test_squared_error_teaches_the_estimate_and_not_the_reward():
    reward, estimate = tf.constant([1.0, 0.0]), tf.constant([0.5, 2.0])
    with tf.GradientTape() as tape:
        tape.watch([reward, estimate])
        loss = squared_error(reward, estimate)
    assert loss.numpy().tolist() == [0.25, 4.0]
    of_reward, of_estimate = tape.gradient(loss, [reward, estimate])
    assert of_reward is None
    assert of_estimate.numpy().tolist() == [-1.0, 4.0]
