import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.ops.losses import cross_entropy_of_classes, in_top

LOGITS = tf.constant([[[0.0, 2.0, 1.0, -1.0], [3.0, 0.0, 0.0, 0.0]], [[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 5.0]]])


def test_cross_entropy_is_the_mean_over_labels_worked_by_hand():
    labels = tf.constant([[1, 0], [2, 0]])
    first = -np.log(np.exp(2) / (1 + np.exp(2) + np.exp(1) + np.exp(-1)))
    second = -np.log(np.exp(3) / (np.exp(3) + 3))
    third, fourth = np.log(4), -np.log(1 / (np.exp(5) + 3))
    expected = [(first + second) / 2, (third + fourth) / 2]
    np.testing.assert_allclose(cross_entropy_of_classes(LOGITS, labels), expected, rtol=1e-6)


def test_the_best_class_is_the_only_one_of_the_first():
    np.testing.assert_array_equal(in_top(1, LOGITS, tf.constant([[1, 0], [2, 3]])), [1.0, 0.5])


def test_of_equal_logits_the_lower_class_comes_first():
    equal = tf.zeros((4, 1, 4))
    labels = tf.constant([[0], [1], [2], [3]])
    np.testing.assert_array_equal(in_top(2, equal, labels), [1, 1, 0, 0])


@pytest.mark.parametrize("count", [1, 3, 5])
def test_in_top_is_what_sorting_says(count):
    generator = np.random.default_rng(count)
    logits, labels = generator.normal(size=(50, 2, 9)).astype(np.float32), generator.integers(0, 9, (50, 2))
    best = np.argsort(-logits, axis=2)[:, :, :count]
    expected = (best == labels[..., np.newaxis]).any(axis=2).mean(axis=1)
    np.testing.assert_allclose(in_top(count, tf.constant(logits), tf.constant(labels)), expected)
