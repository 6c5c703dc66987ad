"""Comparisons: both ways do the same work."""

import numpy as np
import pytest

from benchmarks.comparisons import PAIRS_TOGETHER, Comparison, PairsTogether, PairwiseEditDistance
from benchmarks.measurement import Conditions
from benchmarks.training_run import TrainingRun

TINY = (
    "RandomFeatures.features=6",
    "speaker/LstmCore.units=4",
    "listener/LstmCore.units=5",
    "Cpc.size=3",
    "message_length=2",
)
POPULATION = ("n_speakers=2", "n_listeners=2", "pairs_per_step=4")
WARM_UP = 2


class Counted(Comparison):
    """Counts its calls and returns given results."""

    name = "counted"

    def __init__(self, ours, plain):
        self.results = {"ours": ours, "plain": plain}
        self.calls = []

    def prepare(self):
        self.calls.append("prepare")
        return self.results

    def ours(self, prepared):
        self.calls.append("ours")
        return prepared["ours"]

    def plain(self, prepared):
        self.calls.append("plain")
        return prepared["plain"]


def turns(run):
    """The turns that all speakers of a run have played."""
    members = run.experiment.learner.speaker_members
    return sum(int(members.rows.value(i, members.success.turns)) for i in range(members.count))


def test_both_ways_are_measured_in_turn():
    comparison = Counted(np.arange(3), np.arange(3))
    (row,) = comparison.measure(Conditions()).rows
    assert comparison.calls == ["prepare", *["ours", "plain"] * 3]
    assert row["task"] == "counted"
    assert row["times"] == pytest.approx(row["plain s"] / row["ours s"])


def test_different_results_are_an_error():
    with pytest.raises(RuntimeError, match="counted came to different results"):
        Counted(np.arange(3), np.arange(4)).measure(Conditions())


def test_both_ways_compute_the_same_distances():
    comparison = PairwiseEditDistance(messages=70, length=4, vocab_size=3)
    messages = comparison.prepare()
    ours = comparison.ours(messages)
    assert ours.shape == (70 * 69 // 2,)
    np.testing.assert_array_equal(ours, comparison.plain(messages))


def test_edit_distance_is_measured_on_two_thousand_messages_of_ten_symbols_out_of_twenty():
    messages = PairwiseEditDistance().prepare()
    assert messages.shape == (2000, 10)
    assert (messages.min(), messages.max()) == (0, 19)


@pytest.mark.slow
@pytest.mark.parametrize("calls", [1, 2])
def test_a_population_and_a_pair_play_the_same_number_of_turns(calls):
    comparison = PairsTogether("tiny", "", 4, POPULATION, TINY, batch_size=4, steps=3)
    runs = comparison.prepare()
    for _ in range(calls):
        assert comparison.ours(runs) == comparison.plain(runs) == 12
    assert turns(runs.together) == 4 * (WARM_UP + 3 * calls)
    assert turns(runs.alone) == WARM_UP + 4 * 3 * calls


@pytest.mark.slow
def test_seeds_together_and_alone_play_the_same_number_of_turns():
    comparison = PairsTogether("tiny", "", 2, ["seeds=2"], TINY, batch_size=4, steps=3)
    runs = comparison.prepare()
    assert comparison.ours(runs) == comparison.plain(runs) == 6
    assert turns(runs.together) == 2 * (WARM_UP + 3)
    assert turns(runs.alone) == WARM_UP + 2 * 3
    assert (runs.together.games_per_step, runs.alone.games_per_step) == (8, 4)


@pytest.mark.slow
@pytest.mark.parametrize("comparison", PAIRS_TOGETHER, ids=lambda each: each.name)
def test_every_entry_trains_as_many_pairs_in_a_step_as_it_says(comparison):
    run = TrainingRun("lg_s", [*comparison._bindings, *TINY, *comparison._together])
    assert run.games_per_step == comparison._pairs * run.experiment.batch_size
