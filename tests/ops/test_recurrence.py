"""Recurrent cells over whole messages, beside Keras' cells run symbol by symbol."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.ops.recurrence import Gru, Lstm, Unrolling

B, T, E, H = 3, 4, 5, 6
GENERATOR = np.random.default_rng(0)


def normal(*shape):
    return tf.constant(GENERATOR.normal(0, 0.7, shape), tf.float32)


INPUTS, UPSTREAM = normal(B, T, E), normal(B, T, H)
KINDS = {
    "lstm": (Lstm, keras.layers.LSTMCell, 4, 2),
    "gru": (Gru, lambda units: keras.layers.GRUCell(units, reset_after=False), 3, 1),
}
WEIGHTS = {kind: (normal(E, g * H), normal(g * H), normal(H, g * H)) for kind, (_, _, g, _) in KINDS.items()}
FIRST = {kind: tuple(normal(B, H) for _ in range(parts)) for kind, (*_, parts) in KINDS.items()}


def unrolled(kind, inputs, first, weights):
    """Outputs [B, T, H] and their gradients with respect to inputs, first state and weights."""
    with tf.GradientTape() as tape:
        given = (inputs, first, weights)
        tape.watch(given)
        columns = tuple(tf.transpose(part) for part in first) if first else None
        outputs = Unrolling(KINDS[kind][0](*weights), columns).outputs(inputs)
        total = tf.reduce_sum(outputs * UPSTREAM[:, : outputs.shape[1]])
    return outputs, tape.gradient(total, given)


def stepped(kind, inputs, first, weights):
    """The same by Keras' cell, one symbol after the other, and its own gradient."""
    cell = KINDS[kind][1](H)
    cell.build((None, E))
    variables = (cell.kernel, cell.bias, cell.recurrent_kernel)
    for variable, value in zip(variables, weights, strict=True):
        variable.assign(value)
    with tf.GradientTape() as tape:
        tape.watch((inputs, first))
        state = list(first) or [tf.zeros([B, H])] * KINDS[kind][3]
        outputs = []
        for t in range(inputs.shape[1]):
            output, state = cell(inputs[:, t], state)
            outputs.append(output)
        outputs = tf.stack(outputs, axis=1)
        total = tf.reduce_sum(outputs * UPSTREAM[:, : outputs.shape[1]])
    return outputs, tape.gradient(total, (inputs, first, tuple(v.value for v in variables)))


def assert_same(ours, theirs):
    for one, other in zip(tf.nest.flatten(ours), tf.nest.flatten(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("jit_compile", [None, False, True], ids=["eager", "graph", "xla"])
@pytest.mark.parametrize("from_zeros", [False, True], ids=["given state", "zeros"])
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_and_gradients_are_those_of_keras_cell(kind, from_zeros, jit_compile):
    function = unrolled
    if jit_compile is not None:
        function = tf.function(unrolled, jit_compile=jit_compile, autograph=False)
    first = () if from_zeros else FIRST[kind]
    assert_same(function(kind, INPUTS, first, WEIGHTS[kind]), stepped(kind, INPUTS, first, WEIGHTS[kind]))


@pytest.mark.parametrize("from_zeros", [False, True], ids=["given state", "zeros"])
@pytest.mark.parametrize("kind", KINDS)
def test_message_of_one_symbol_has_the_same_gradients_as_keras_cell(kind, from_zeros):
    first, inputs = () if from_zeros else FIRST[kind], INPUTS[:, :1]
    assert_same(unrolled(kind, inputs, first, WEIGHTS[kind]), stepped(kind, inputs, first, WEIGHTS[kind]))


@pytest.mark.parametrize("kind", KINDS)
def test_last_output_alone_has_the_gradients_of_the_last_of_all(kind):
    found = []
    for only_last in (True, False):
        with tf.GradientTape() as tape:
            tape.watch((INPUTS, WEIGHTS[kind]))
            unrolling = Unrolling(KINDS[kind][0](*WEIGHTS[kind]), None)
            outputs = unrolling.outputs(INPUTS, only_last)
            last = outputs if only_last else outputs[:, -1]
            total = tf.reduce_sum(last * UPSTREAM[:, 0])
        found.append((last, tape.gradient(total, (INPUTS, WEIGHTS[kind]))))
    assert_same(*found)


@pytest.mark.parametrize("kind", KINDS)
def test_several_runs_at_once_are_each_as_it_is_alone(kind):
    runs = [[value * scale for value in (INPUTS, *FIRST[kind], *WEIGHTS[kind])] for scale in (1.0, 0.5, -1.0)]
    parts = len(FIRST[kind])

    def one(given):
        return unrolled(kind, given[0], tuple(given[1 : 1 + parts]), tuple(given[1 + parts :]))

    together = tf.function(lambda given: tf.vectorized_map(one, given), autograph=False)
    found = together([tf.stack(each) for each in zip(*runs, strict=True)])
    for i, run in enumerate(runs):
        assert_same(tf.nest.map_structure(lambda value, i=i: value[i], found), one(run))


@pytest.mark.parametrize("kind", KINDS)
def test_steps_taken_one_by_one_are_those_of_the_whole(kind):
    first = tuple(tf.transpose(part) for part in FIRST[kind])
    unrolling = Unrolling(KINDS[kind][0](*WEIGHTS[kind]), first)
    outputs = [unrolling.take(INPUTS[:, t]) for t in range(T)]
    np.testing.assert_array_equal(unrolling.outputs(INPUTS), tf.stack(outputs, axis=1))


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_from_outside_of_the_function_that_unrolls_is_the_same(kind):
    inner = tf.function(lambda *given: unrolled(kind, given[0], given[1], given[2])[0], autograph=False)
    with tf.GradientTape() as tape:
        given = (INPUTS, FIRST[kind], WEIGHTS[kind])
        tape.watch(given)
        total = tf.reduce_sum(inner(*given) * UPSTREAM)
    assert_same(tape.gradient(total, given), unrolled(kind, *given)[1])


@pytest.mark.parametrize(("kind", "a_symbol"), [("lstm", 2), ("gru", 4)])
def test_each_symbol_adds_products_for_its_state_alone(kind, a_symbol):
    def products(length):
        function = tf.function(lambda given: unrolled(kind, given, (), WEIGHTS[kind]), autograph=False)
        operations = function.get_concrete_function(INPUTS[:, :length]).graph.get_operations()
        return sum(operation.type == "MatMul" for operation in operations)

    # Forwards and backwards; those of the weights' gradients are as many for any length.
    assert products(4) - products(3) == products(3) - products(2) == a_symbol


def test_graph_that_unrolls_is_forgotten_with_its_function():
    function = tf.function(lambda given: unrolled("lstm", given, (), WEIGHTS["lstm"]), autograph=False)
    graph = weakref.ref(function.get_concrete_function(INPUTS).graph)
    assert graph() is not None
    del function
    gc.collect()
    assert graph() is None


def test_wrong_ranks_are_refused():
    with pytest.raises(ValueError, match="bias"):
        Lstm(normal(E, 4 * H), normal(1, 4 * H), normal(H, 4 * H))
