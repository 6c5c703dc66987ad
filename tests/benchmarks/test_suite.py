"""What there is to be measured, and choosing from it."""

import pytest

from tf_emcom.benchmarks import suite
from tf_emcom.benchmarks.conditions import Conditions
from tf_emcom.benchmarks.measurement import Measurement
from tf_emcom.benchmarks.pairwise_edit_distance import PairwiseEditDistance
from tf_emcom.benchmarks.steps import Steps
from tf_emcom.benchmarks.table import Table
from tf_emcom.errors import UserError


class Bindings(Measurement):
    """What it is given."""

    def measure(self, conditions):
        rows = [{"binding": binding, "letters": len(binding)} for binding in conditions.bindings]
        return Table("Bindings", ("binding",), {"letters": "how many"}, rows, ("letters",))


class MoreBindings(Bindings):
    """The same."""


def test_every_measurement_is_known_by_its_file_and_made_without_arguments():
    assert suite.known()["pairwise_edit_distance"] is PairwiseEditDistance
    assert suite.known()["steps"] is Steps
    assert {"comparison", "measurement"} & set(suite.known()) == set()
    for measurement in suite.known().values():
        assert isinstance(measurement(), Measurement)


def test_measurements_are_chosen_by_name():
    assert suite.choose([]) == suite.known()
    assert list(suite.choose(["steps"])) == ["steps"]
    with pytest.raises(UserError, match="no measurement 'step'; the known ones are .*steps"):
        suite.choose(["step"])


def test_every_measurement_is_listed_in_one_line():
    lines = suite.listed().splitlines()
    assert [line.split()[0] for line in lines] == list(suite.known())
    assert all(line.endswith(".") for line in lines)


def test_each_is_measured_under_the_same_conditions_and_tables_of_one_title_are_one(capsys):
    chosen = {"bindings": Bindings, "more_bindings": MoreBindings}
    (table,) = suite.measure(chosen, Conditions(["steps=4"]))
    assert table.rows == [{"binding": "steps=4", "letters": 7}] * 2
    assert "2 of 2: more_bindings" in capsys.readouterr().err
