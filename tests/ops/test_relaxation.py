import numpy as np
import tensorflow as tf

from tf_emcom.ops import categorical

RELAXED = np.array([[[0.6, 0.4], [0.3, 0.7], [0.9, 0.1]]], np.float32)
SENT = [[0, 1, 0]]


def test_gumbel_noise_is_finite_for_every_uniform_draw_and_that_of_numpy():
    uniform = np.array([0.5, 0x7FFFFF + 0.5, 0x400000], np.float32) * np.float32(2.0**-23)
    expected = -np.log(-np.log(uniform.astype(np.float64)))
    np.testing.assert_allclose(categorical.gumbel(tf.constant(uniform)), expected, rtol=1e-5)


def test_soft_symbols_have_no_share_in_the_extra_id():
    expected = [[[0.6, 0.4, 0], [0.3, 0.7, 0], [0.9, 0.1, 0]]]
    np.testing.assert_allclose(categorical.with_extra_id(tf.constant(RELAXED)), expected, atol=1e-7)


def test_soft_symbols_arrive_where_the_symbol_does_and_hard_ones_elsewhere():
    # The first symbol arrives, the second is lost, the third mistaken for the other one.
    arrived = categorical.arrived(tf.constant(RELAXED), tf.constant(SENT), tf.constant([[0, 2, 1]]))
    np.testing.assert_allclose(arrived, [[[0.6, 0.4, 0], [0, 0, 1], [0, 1, 0]]], atol=1e-7)


def test_gradients_pass_where_the_symbol_arrived_only():
    relaxed = tf.constant(RELAXED)
    with tf.GradientTape() as tape:
        tape.watch(relaxed)
        arrived = categorical.arrived(relaxed, tf.constant(SENT), tf.constant([[0, 2, 1]]))
    np.testing.assert_array_equal(tape.gradient(arrived, relaxed), [[[1, 1], [0, 0], [0, 0]]])


def test_hardened_symbols_are_exactly_one_hot_with_the_soft_gradient():
    relaxed = tf.constant(RELAXED[0])
    with tf.GradientTape() as tape:
        tape.watch(relaxed)
        hard = categorical.hardened(relaxed, tf.constant([0, 1, 0]))
        total = tf.reduce_sum(hard * tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    np.testing.assert_array_equal(hard, [[1, 0], [0, 1], [1, 0]])
    np.testing.assert_array_equal(tape.gradient(total, relaxed), [[1, 2], [3, 4], [5, 6]])
