"""Timing: what is called how often, in which order."""

import time

from tf_emcom.benchmarks import timing


def test_works_are_done_in_turn():
    calls = []
    seconds = timing.in_turn({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert calls == ["a", "b"] * 3
    assert [len(seconds[name]) for name in "ab"] == [3, 3]


def test_a_work_lasts_as_long_as_it_sleeps_at_least():
    assert timing.timed(lambda: time.sleep(0.01)) >= 0.01


def test_short_work_is_repeated_until_it_lasts():
    asked = []

    def work(repeats):
        asked.append(repeats)
        time.sleep(0.001 * repeats)

    # A sleep lasts at least as long as it is asked to, so 80 repeats at most.
    assert 1 < timing.enough(work, shortest=0.08) <= 80
    assert asked == [4**i for i in range(len(asked))]


def test_long_work_is_done_once():
    assert timing.enough(lambda repeats: time.sleep(0.02), shortest=0.01) == 1
