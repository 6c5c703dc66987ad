import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.ops.losses import as_target, half_squared_error


def images(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def test_values_lie_between_minus_one_and_one():
    extremes = np.array([[[[0, 255, 0]]]], np.uint8)
    np.testing.assert_allclose(as_target(tf.constant(extremes), 1), [[[[-1.0, 1.0, -1.0]]]])


@pytest.mark.parametrize("side", [4, 8, 64])
def test_of_one_colour_stays_of_one_colour(side):
    target = as_target(tf.fill((2, 10, 12, 3), tf.constant(51, tf.uint8)), side)
    assert target.shape == (2, side, side, 3)
    np.testing.assert_allclose(target, 51 / 127.5 - 1, atol=1e-5)


def test_of_the_same_side_is_not_resampled():
    given = images(0, 3, 8, 8, 3)
    np.testing.assert_allclose(as_target(tf.constant(given), 8), given / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (218, 178), (10, 40)])
@pytest.mark.parametrize("side", [16, 64])
def test_agrees_with_tensorflows_own_anti_aliased_resizing(height, width, side):
    given = images(1, 2, height, width, 3)
    expected = tf.image.resize(given.astype(np.float32), (side, side), antialias=True) / 127.5 - 1
    np.testing.assert_allclose(as_target(tf.constant(given), side), expected, atol=1e-4)


def test_error_is_half_the_sum_of_squares():
    target = np.zeros((2, 2, 2, 3), np.float32)
    prediction = np.stack([np.full((2, 2, 3), 1.0), np.full((2, 2, 3), -0.5)]).astype(np.float32)
    np.testing.assert_allclose(half_squared_error(prediction, target), [6.0, 1.5])
