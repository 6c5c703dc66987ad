"""The list of measurements, choosing from it, and a run of every kind of measurement at tiny sizes."""

import pytest

from benchmarks import suite
from benchmarks.comparisons import Comparison
from benchmarks.division import StepDivision
from benchmarks.host import HostTime, InputPipeline
from benchmarks.measurement import Conditions, Measurement, Peak
from benchmarks.processes import PeakMemory, StartUp, Sweep
from benchmarks.report import Table
from benchmarks.speed import EvaluationCells, Growth, Steps
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
TINY = (
    EvaluationCells(("lg_s",), ("TestChannel.candidates=[16,32]",), rounds=1),
    Growth(batch_sizes=(64,), agents=(1,), lengths=(10, 2), rounds=1),
    HostTime((4,), rounds=1, calls=2),
    InputPipeline(64, 6, (4,), buffer=16, rounds=1, shortest=0.01),
    PeakMemory(("lg_s",), (4,)),
    StartUp(batch_size=4, starts=1, ways=("as configured",)),
    StepDivision((4,), steps=2),
    Steps(("nlg",), (4,), ("full",), rounds=2),
    Sweep((0.0, 0.5), seeds=1, batch_size=4, steps=2),
)


class Bindings(Measurement):
    """The bindings that it is given."""

    def __init__(self, name):
        self.name = name

    def measure(self, conditions):
        rows = [{"binding": binding, "letters": len(binding)} for binding in conditions.bindings]
        return Table("Bindings", ("binding",), {"letters": "how many"}, rows, ("letters",))


def test_every_measurement_is_known_by_its_name():
    assert list(suite.MEASUREMENTS) == [
        "evaluation_cells",
        "growth",
        "host_time",
        "independent_seeds",
        "independent_seeds_of_few_games",
        "input_pipeline",
        "pairwise_edit_distance",
        "peak_memory",
        "population_step",
        "population_step_of_many_games",
        "population_step_of_small_agents",
        "start_up",
        "step_division",
        "steps",
        "sweep",
    ]


@pytest.mark.processes
@pytest.mark.parametrize("measurement", TINY, ids=lambda each: each.name)
def test_a_measurement_fills_its_table(measurement):
    table = measurement.measure(Conditions(BINDINGS, Peak(((4, 4, 4),), 1000)))
    assert table.rows
    for row in table.rows:
        assert set(row) == {*table.labels, *table.numbers}
    assert set(table.compared) <= set(table.numbers)
    assert len({tuple(row[label] for label in table.labels) for row in table.rows}) == len(table.rows)
    assert table.text().startswith(f"{table.title}\n")


def test_all_but_the_comparisons_are_run_here():
    others = {name for name, each in suite.MEASUREMENTS.items() if not isinstance(each, Comparison)}
    assert others == {each.name for each in TINY}


def test_measurements_are_chosen_by_name():
    assert suite.choose([]) == list(suite.MEASUREMENTS.values())
    assert suite.choose(["steps", "growth", "steps"]) == [suite.MEASUREMENTS["steps"], suite.MEASUREMENTS["growth"]]
    with pytest.raises(UserError, match="no measurement 'step'; the known ones are .*steps"):
        suite.choose(["step"])


def test_every_measurement_is_listed_in_one_line():
    lines = suite.listed().splitlines()
    assert [line.split()[0] for line in lines] == list(suite.MEASUREMENTS)
    assert all(line.endswith(".") for line in lines)


def test_each_is_measured_under_the_same_conditions_and_tables_with_one_title_are_joined(capsys):
    (table,) = suite.measure([Bindings("bindings"), Bindings("more_bindings")], Conditions(["steps=4"]))
    assert table.rows == [{"binding": "steps=4", "letters": 7}] * 2
    assert "2 of 2: more_bindings" in capsys.readouterr().err
