import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.ops.selection import vote


def test_one_that_is_sure_outvotes_two_that_are_not():
    # Probabilities 0.5, 0.3, 0.2 twice, and 0.1, 0.8, 0.1: in the mean 0.37, 0.47, 0.17.
    shares = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1]], np.float32)
    assert vote([tf.math.log(share[np.newaxis]) for share in shares]).numpy().tolist() == [1]
    # By their largest score alone, or by the most voices, the first would have been taken.
    assert vote([tf.math.log(share[np.newaxis]) for share in shares[:2]]).numpy().tolist() == [0]


def test_votes_are_those_of_mean_probabilities():
    scores = 3 * np.random.default_rng(0).normal(size=(4, 500, 9)).astype(np.float32)
    shares = np.exp(scores.astype(np.float64))
    expected = (shares / shares.sum(axis=-1, keepdims=True)).mean(axis=0).argmax(axis=-1)
    found = vote([tf.constant(each) for each in scores]).numpy()
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int32
    assert (found != scores.mean(axis=0).argmax(axis=-1)).any()


def test_the_first_of_equals_is_taken():
    assert vote([tf.zeros([2, 3]), tf.zeros([2, 3])]).numpy().tolist() == [0, 0]


def test_scores_of_another_rank_are_told():
    with pytest.raises(ValueError, match="scores has shape"):
        vote([tf.zeros([3])])
