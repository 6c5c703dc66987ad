"""Every measurement runs at tiny sizes, and its columns follow from what was timed, by hand."""

import pytest

from tf_emcom.benchmarks import suite
from tf_emcom.benchmarks.conditions import Conditions
from tf_emcom.benchmarks.evaluation_cells import EvaluationCells
from tf_emcom.benchmarks.growth import Growth
from tf_emcom.benchmarks.host_time import HostTime, Spent
from tf_emcom.benchmarks.input_pipeline import InputPipeline, unaided
from tf_emcom.benchmarks.peak import Peak
from tf_emcom.benchmarks.peak_memory import PeakMemory
from tf_emcom.benchmarks.rehearsal import Rehearsal
from tf_emcom.benchmarks.start_up import StartUp
from tf_emcom.benchmarks.steps import Steps, speeds
from tf_emcom.errors import UserError

BINDINGS = (
    "RandomFeatures.examples=64",
    "RandomFeatures.features=6",
    "speaker/LstmCore.units=4",
    "listener/LstmCore.units=4",
    "Cpc.size=4",
    "NormMergePolicyValue.size=4",
    "message_length=2",
)
TINY = {
    "evaluation_cells": EvaluationCells(("lg_s",), ("TestChannel.candidates=[16,32]",), rounds=1),
    "growth": Growth(batch_sizes=(64,), agents=(1,), lengths=(10, 2), rounds=1),
    "host_time": HostTime((4,), rounds=1, calls=2),
    "input_pipeline": InputPipeline(64, 6, (4,), buffer=16, rounds=1, shortest=0.01),
    "peak_memory": PeakMemory(("lg_s",), (4,)),
    "start_up": StartUp(batch_size=4, starts=1, ways=("as configured",)),
    "steps": Steps(("nlg",), (4,), rounds=2),
}


@pytest.mark.parametrize("name", TINY)
def test_it_fills_its_table(name):
    table = TINY[name].measure(Conditions(BINDINGS, Peak(((4, 4, 4),), 1000)))
    assert table.rows
    for row in table.rows:
        assert set(row) == {*table.labels, *table.numbers}
    assert set(table.compared) <= set(table.numbers)
    assert len({tuple(row[label] for label in table.labels) for row in table.rows}) == len(table.rows)
    assert table.text().startswith(f"{table.title}\n")


def test_all_but_the_comparisons_are_tried_here():
    rooms = {name: cls.__mro__[1].__name__ for name, cls in suite.known().items()}
    assert {name for name, base in rooms.items() if base == "Measurement"} == set(TINY)


def test_speed_is_the_games_and_operations_of_the_shortest_time():
    found = speeds([0.5, 0.25, 1.0], games=100, operations=2e6, peak=4e9)
    assert found == {
        "ms/step": 250.0,
        "median ms": 500.0,
        "games/s": 400.0,
        "MFLOP/game": 2.0,
        "GFLOP/s": 0.8,
        "peak GFLOP/s": 4.0,
        "% of peak": 20.0,
    }


def test_what_is_outside_the_step_is_waiting_calling_and_what_is_between():
    row = Spent(pure=0.5, fed=0.625, one=1.125, between=2.0, checkpoint=4.0).row(steps_per_call=100)
    assert (row["wait %"], row["call ms"], row["between ms"]) == (20.0, 500.0, 2000.0)
    # 100 steps of 0.625 s, a call and what is between are 65 s, of which 50 s are steps.
    assert row["outside %"] == pytest.approx(100 * 15 / 65)


def test_a_call_that_takes_less_than_a_step_costs_nothing():
    row = Spent(pure=0.5, fed=0.5, one=0.25, between=0.0, checkpoint=0.0).row(steps_per_call=10)
    assert (row["call ms"], row["outside %"]) == (0.0, 0.0)


def test_a_rehearsal_plays_what_its_bindings_say():
    bindings = [*BINDINGS, "batch_size=8", "n_speakers=4", "pairs_per_step=3", "seed=5"]
    run = Rehearsal("nlg", bindings)
    assert (run.games_per_step, run.compute_dtype) == (24, "float32")
    assert run.experiment.seed == 5
    assert Rehearsal("lg_s", [*BINDINGS, "batch_size=8", 'precision="mixed_bfloat16"']).compute_dtype == "bfloat16"


def test_a_binding_that_nothing_has_is_told_in_one_sentence():
    with pytest.raises(UserError, match="no component Lstm"):
        Rehearsal("lg_s", ["Lstm.units=4"])


def test_batches_that_were_fetched_ahead_are_taken_before_the_clock_starts():
    asked = []
    assert unaided(asked.append, 100) >= 0
    assert asked == [16, 100]
