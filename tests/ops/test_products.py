"""Matrix products, laid out for the machine."""

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.ops.numbers import product, turned

GENERATOR = np.random.default_rng(0)
LEFT = GENERATOR.normal(size=(3, 4)).astype(np.float32)
RIGHT = GENERATOR.normal(size=(4, 5)).astype(np.float32)
UPSTREAM = GENERATOR.normal(size=(3, 5)).astype(np.float32)


def multiplied(left, right):
    """The product, and the gradients of its sum weighted by UPSTREAM."""
    with tf.GradientTape() as tape:
        tape.watch((left, right))
        result = product(left, right, turned(right))
        total = tf.reduce_sum(result * UPSTREAM)
    return result, *tape.gradient(total, (left, right))


@pytest.mark.parametrize("jit_compile", [None, False, True], ids=["eager", "graph", "xla"])
def test_product_and_its_gradients_are_those_of_matrix_algebra(jit_compile):
    function = multiplied if jit_compile is None else tf.function(multiplied, jit_compile=jit_compile)
    result, left_gradient, right_gradient = function(tf.constant(LEFT), tf.constant(RIGHT))
    np.testing.assert_allclose(result, LEFT @ RIGHT, rtol=1e-5)
    np.testing.assert_allclose(left_gradient, UPSTREAM @ RIGHT.T, rtol=1e-5)
    np.testing.assert_allclose(right_gradient, LEFT.T @ UPSTREAM, rtol=1e-5)


def test_gradient_from_outside_of_the_function_that_multiplies_is_the_same():
    inner = tf.function(lambda left, right: product(left, right, turned(right)))
    left, right = tf.constant(LEFT), tf.constant(RIGHT)
    with tf.GradientTape() as tape:
        tape.watch((left, right))
        total = tf.reduce_sum(inner(left, right) * UPSTREAM)
    left_gradient, right_gradient = tape.gradient(total, (left, right))
    np.testing.assert_allclose(left_gradient, UPSTREAM @ RIGHT.T, rtol=1e-5)
    np.testing.assert_allclose(right_gradient, LEFT.T @ UPSTREAM, rtol=1e-5)


def test_graph_that_multiplies_is_forgotten_with_its_function():
    function = tf.function(multiplied)
    graph = weakref.ref(function.get_concrete_function(tf.constant(LEFT), tf.constant(RIGHT)).graph)
    assert graph() is not None
    del function
    gc.collect()
    assert graph() is None


def test_gradient_of_a_matrix_that_is_used_again_and_again_adds_up_without_its_transpose():
    right = tf.constant(RIGHT)
    with tf.GradientTape() as tape:
        tape.watch(right)
        ready = turned(right)
        total = sum(tf.reduce_sum(product(tf.constant(LEFT * i), right, ready) * UPSTREAM) for i in (1.0, 2.0))
    np.testing.assert_allclose(tape.gradient(total, right), 3.0 * LEFT.T @ UPSTREAM, rtol=1e-5)


def test_turned_is_the_transpose_in_every_precision():
    for dtype in (tf.float32, tf.bfloat16):
        matrix = tf.cast(RIGHT, dtype)
        assert turned(matrix).dtype == dtype
        np.testing.assert_array_equal(tf.cast(turned(matrix), tf.float32), tf.cast(matrix, tf.float32).numpy().T)


def test_wrong_ranks_are_refused():
    with pytest.raises(ValueError, match="right"):
        product(tf.constant(LEFT), tf.constant(RIGHT[0]), tf.constant(RIGHT))
