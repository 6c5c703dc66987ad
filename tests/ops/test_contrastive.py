import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tf_emcom.ops.losses import cross_entropy


def test_hand_worked_cross_entropy():
    scores = tf.math.log([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])
    np.testing.assert_allclose(cross_entropy(scores, tf.constant([1, 2])), [np.log(4), -np.log(0.7)], atol=1e-6)


def test_cross_entropy_is_minus_the_log_softmax_of_the_target():
    scores = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    target = np.array([0, 1, 2, 3, 0, 1])
    expected = -scipy.special.log_softmax(scores, axis=1)[np.arange(6), target]
    np.testing.assert_allclose(cross_entropy(tf.constant(scores), tf.constant(target)), expected, atol=1e-6)


def test_large_scores_do_not_overflow():
    assert cross_entropy(tf.constant([[1e4, 0.0]]), tf.constant([1])).numpy().tolist() == [1e4]


def test_wrong_rank_is_refused():
    with pytest.raises(ValueError, match="target has shape"):
        cross_entropy(tf.zeros([2, 3]), tf.zeros([2, 1], tf.int32))
