"""Times outside the step, against numbers worked out by hand."""

import itertools

import numpy as np
import pytest

from benchmarks.host import Times, _usual, steady_time


def test_time_outside_the_step_is_waiting_calling_and_the_time_between_calls():
    row = Times(pure=0.5, fed=0.625, one=1.125, between=2.0, checkpoint=4.0).row(steps_per_call=100)
    assert (row["wait %"], row["call ms"], row["between ms"]) == (20.0, 500.0, 2000.0)
    # 100 steps of 0.625 s, a call and what is between are 65 s, of which 50 s are steps.
    assert row["outside %"] == pytest.approx(100 * 15 / 65)


def test_a_call_that_takes_less_than_a_step_costs_nothing():
    row = Times(pure=0.5, fed=0.5, one=0.25, between=0.0, checkpoint=0.0).row(steps_per_call=10)
    assert (row["call ms"], row["outside %"]) == (0.0, 0.0)


def test_batches_that_were_prepared_in_advance_are_taken_before_the_clock_starts():
    asked = []
    assert steady_time(asked.append, 100) >= 0
    assert asked == [16, 100]


def test_the_usual_pipeline_repeats_all_examples_in_batches():
    inputs = np.arange(12, dtype=np.float32).reshape(6, 2)
    # A buffer of one example does not shuffle.
    batches = [batch.numpy() for batch in itertools.islice(_usual(inputs, batch_size=4, buffer=1), 3)]
    np.testing.assert_array_equal(np.concatenate(batches), np.concatenate([inputs, inputs]))
