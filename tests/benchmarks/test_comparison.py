"""Comparing ours with the plain way."""

import numpy as np
import pytest

from tf_emcom.benchmarks.comparison import Comparison
from tf_emcom.benchmarks.conditions import Conditions


class Counted(Comparison):
    """Notes what is called, and gives what it is told to."""

    def __init__(self, ours, plain):
        self.results = {"ours": ours, "plain": plain}
        self.calls = []

    def ours(self):
        self.calls.append("ours")
        return self.results["ours"]

    def plain(self):
        self.calls.append("plain")
        return self.results["plain"]


def test_both_ways_are_measured_in_turn():
    comparison = Counted(np.arange(3), np.arange(3))
    (row,) = comparison.measure(Conditions()).rows
    assert comparison.calls == ["ours", "plain"] * 3
    assert row["task"] == "test_comparison"
    assert row["times"] == pytest.approx(row["plain s"] / row["ours s"])


def test_ways_that_come_to_different_results_are_not_compared():
    with pytest.raises(RuntimeError, match="test_comparison came to different results"):
        Counted(np.arange(3), np.arange(4)).measure(Conditions())
