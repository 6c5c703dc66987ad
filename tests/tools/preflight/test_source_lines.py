import inspect

import tensorflow as tf

from tf_emcom.tools.preflight.findings import SourceLines


def product(x):
    return x @ x


def lines_of(function):
    found = SourceLines()

    def traced(x):
        y = function(x)
        found.note(tf.compat.v1.get_default_graph())
        return y

    tf.function(traced, autograph=False).get_concrete_function(tf.TensorSpec((4, 4)))
    return found


def line_in(function, text):
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, line in enumerate(lines) if text in line)


def test_an_op_has_the_line_that_made_it_and_not_a_library_s():
    line = lines_of(product).of("matmul")
    assert line.file == __file__
    assert line.number == line_in(product, "x @ x")
    assert not line.is_gradient


def test_an_op_of_a_gradient_has_the_line_that_is_differentiated():
    def squared(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = product(x)
        return tape.gradient(y, x)

    line = lines_of(squared).of("gradient_tape/matmul/MatMul_1")
    assert (line.number, line.is_gradient) == (line_in(product, "x @ x"), True)
    assert str(line).startswith("gradient of ")


def test_an_op_within_a_loop_has_the_line_of_the_loop():
    def looped(x):
        return tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, tf.tanh(y)), (0, x))[1]

    assert lines_of(looped).of("while/Tanh").number == line_in(looped, "tf.while_loop")


def test_nobody_knows_the_line_of_an_op_that_is_not_there():
    assert lines_of(product).of("Softmax") is None
