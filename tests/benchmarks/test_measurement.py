"""Timing: what is called how often, in which order; and the machine's peak."""

import time

from benchmarks.measurement import Peak, operations_of_product, repeats_for, time_of, times_in_turn


def test_calls_are_timed_in_turn():
    calls = []
    seconds = times_in_turn({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert calls == ["a", "b"] * 3
    assert [len(seconds[name]) for name in "ab"] == [3, 3]


def test_a_call_lasts_as_long_as_it_sleeps_at_least():
    assert time_of(lambda: time.sleep(0.01)) >= 0.01


def test_short_work_is_repeated_until_it_lasts():
    asked = []

    def work(repeats):
        asked.append(repeats)
        time.sleep(0.001 * repeats)

    # A sleep lasts at least as long as it is asked to, so 80 repeats at most.
    assert 1 < repeats_for(work, shortest=0.08) <= 80
    assert asked == [4**i for i in range(len(asked))]


def test_long_work_is_done_once():
    assert repeats_for(lambda repeats: time.sleep(0.02), shortest=0.01) == 1


def test_a_product_counts_its_multiplications_and_additions():
    assert operations_of_product(2, 3, 5) == 60


def test_the_best_speed_so_far_is_kept_for_each_type():
    peak = Peak(shapes=((8, 8, 8), (4, 8, 2)), operations=4096)
    first = peak.measure()
    assert first > 0
    assert peak.measure() >= first
    assert peak.best() == peak.best("float32") >= first
    assert peak.best("bfloat16") > 0
