import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.ops.numbers import pairwise_cosine_loss, unit

GENERATOR = np.random.default_rng(0)


def twin(left, right):
    """d(u, v) = ‖u/max(‖u‖, 1e-6) − v/max(‖v‖, 1e-6)‖², pair by pair."""
    left = left / np.maximum(np.linalg.norm(left, axis=1, keepdims=True), 1e-6)
    right = right / np.maximum(np.linalg.norm(right, axis=1, keepdims=True), 1e-6)
    return ((left[:, None] - right[None]) ** 2).sum(-1)


def cosine_loss(left, right):
    return pairwise_cosine_loss(tf.constant(left, tf.float32), tf.constant(right, tf.float32)).numpy()


def test_cosine_loss_is_the_squared_distance_of_unit_vectors():
    left, right = GENERATOR.normal(size=(4, 6)), 100 * GENERATOR.normal(size=(5, 6))
    np.testing.assert_allclose(cosine_loss(left, right), twin(left, right), atol=1e-5)


def test_hand_worked_angles():
    # Same direction, right angle, opposite, 60 degrees.
    others = [[5.0, 0.0], [0.0, 0.1], [-3.0, 0.0], [1.0, 3**0.5]]
    np.testing.assert_allclose(cosine_loss([[2.0, 0.0]], others), [[0.0, 2.0, 4.0, 1.0]], atol=1e-6)


def test_zero_vector_is_at_right_angles_to_everything():
    # A zero vector has no direction; its floored norm keeps the loss finite, as if the cosine were 0.
    loss = cosine_loss([[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_allclose(loss, [[2.0, 2.0], [2.0, 2 - 2 * 0.6]], atol=1e-6)


def test_short_vectors_are_measured_by_the_floor():
    np.testing.assert_allclose(unit(tf.constant([[3e-7, 4e-7]])), [[0.3, 0.4]], atol=1e-5)
    np.testing.assert_allclose(unit(tf.constant([[3e-6, 4e-6]])), [[0.6, 0.8]], atol=1e-5)


def test_gradient_at_a_zero_vector_is_finite():
    left = tf.zeros([1, 3])
    with tf.GradientTape() as tape:
        tape.watch(left)
        loss = pairwise_cosine_loss(left, tf.constant([[1.0, 2.0, 3.0]]))
    assert np.isfinite(tape.gradient(loss, left)).all()


def test_wrong_rank_is_refused():
    with pytest.raises(ValueError, match="right has shape"):
        pairwise_cosine_loss(tf.zeros([2, 3]), tf.zeros([3]))
