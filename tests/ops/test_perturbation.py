import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.ops.noise import add_gaussian_noise, spread_of

GENERATOR = np.random.default_rng(0)
INPUTS = GENERATOR.normal(3.0, np.arange(1, 6), (2000, 5)).astype(np.float32)
NORMAL = GENERATOR.normal(size=INPUTS.shape).astype(np.float32)


def noisy(inputs, coefficient, normal):
    return add_gaussian_noise(inputs, tf.constant(coefficient), spread_of(inputs), normal).numpy()


def test_spread_is_the_standard_deviation_of_each_feature():
    np.testing.assert_allclose(spread_of(tf.constant([[1.0, 5.0], [3.0, 5.0]])), [1.0, 0.0])
    np.testing.assert_allclose(spread_of(INPUTS), INPUTS.std(axis=0), rtol=1e-5)


@pytest.mark.parametrize("coefficient", [0.5, 1.0, 3.0])
def test_noise_is_the_coefficient_times_each_features_spread(coefficient):
    added = noisy(INPUTS, coefficient, NORMAL) - INPUTS
    np.testing.assert_allclose(added, coefficient * INPUTS.std(axis=0) * NORMAL, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(added.std(axis=0), coefficient * np.arange(1, 6), rtol=0.06)


def test_without_a_coefficient_inputs_come_back_as_they_are():
    np.testing.assert_array_equal(noisy(INPUTS, 0.0, NORMAL), INPUTS)


def test_a_feature_that_never_changes_gets_no_noise():
    inputs = INPUTS.copy()
    inputs[:, 2] = 7.0
    np.testing.assert_array_equal(noisy(inputs, 1.0, NORMAL)[:, 2], inputs[:, 2])


def test_several_batches_have_spreads_of_their_own():
    batches, normal = (values.reshape(4, 500, 5) for values in (INPUTS, NORMAL))
    expected = [noisy(*each) for each in zip(batches, [0.5] * 4, normal, strict=True)]
    np.testing.assert_allclose(noisy(batches, 0.5, normal), expected, rtol=1e-5, atol=1e-5)


def test_wrong_rank_is_refused():
    with pytest.raises(ValueError, match="spread has shape"):
        add_gaussian_noise(INPUTS, tf.constant(1.0), tf.ones([1, 5]), NORMAL)
