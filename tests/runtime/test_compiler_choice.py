"""Whether XLA or graph mode is faster, found by trying."""

import pytest
import tensorflow as tf

from tf_emcom.runtime.compiler import CompilerChoice, bfloat16_speed, measure


def test_both_ways_are_traced_once_and_timed():
    seen = []

    def step(x):
        seen.append(x)
        return {"product": x @ x, "sum": tf.reduce_sum(x)}

    choice = measure(step, [tf.ones([50, 50])])
    assert len(seen) == 2
    assert choice.graph > 0 and choice.xla > 0


@pytest.mark.parametrize(("graph", "xla", "chosen"), [(0.01, 0.02, False), (0.02, 0.01, True), (0.01, 0.01, False)])
def test_the_faster_one_is_chosen_and_graph_mode_where_they_are_even(graph, xla, chosen):
    assert CompilerChoice(graph, xla).jit_compile is chosen


def test_the_measured_times_are_reported():
    assert str(CompilerChoice(0.0123, 0.0456)) == (
        "A step's gradients took 45.6 ms compiled by XLA and 12.3 ms in graph mode, so graph mode is used."
    )


def test_speed_of_bfloat16_beside_float32_is_a_positive_ratio():
    assert 0.0 < bfloat16_speed() < float("inf")
