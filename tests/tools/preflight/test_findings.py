import inspect

import tensorflow as tf

from tests.tools.preflight.programs import LOOP, ROW, program
from tf_emcom.tools.preflight.findings import SourceLines, long_integers, slow_operations, stack_copies
from tf_emcom.tools.preflight.traffic import Traffic

STACKS = {(5, 256)}



def test_slow_operations_are_counted():
    assert slow_operations(program(LOOP)) == {"gather": 0, "scatter": 0, "sort": 0, "while": 1, "conditional": 0}


def test_integers_of_64_bits_are_counted_where_they_are_computed_with():
    text = LOOP.replace("s32[] add", "s64[] add").replace("s32[] constant(1)", "s64[] constant(1)")
    assert long_integers(program(text)) == 1


def test_an_update_in_place_copies_no_stack():
    assert stack_copies(Traffic(program(ROW)), STACKS) == []


def test_a_stack_that_is_written_as_a_whole_is_counted():
    text = ROW.replace(
        "ROOT %update = f32[5,256]{1,0} fusion",
        "%copied = f32[5,256]{1,0} copy(%stacks)\n  ROOT %update = f32[5,256]{1,0} fusion",
    ).replace("fusion(%stacks", "fusion(%copied")
    assert [cost.written for cost in stack_copies(Traffic(program(text)), STACKS)] == [4 * 5 * 256]
    assert stack_copies(Traffic(program(text)), {(4, 256)}) == []


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


def test_an_op_has_the_line_that_made_it_and_not_one_of_a_library():
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


def test_an_op_inside_a_loop_has_the_line_of_the_loop():
    def looped(x):
        return tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, tf.tanh(y)), (0, x))[1]

    assert lines_of(looped).of("while/Tanh").number == line_in(looped, "tf.while_loop")


def test_an_unknown_op_has_no_line():
    assert lines_of(product).of("Softmax") is None
