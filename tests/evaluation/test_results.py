"""Which rows are about all agents of a run, means over pairs, and tables, all worked by hand."""

import os
import subprocess

import pytest

from tests import commands
from tf_emcom.evaluation.results import (
    accuracy_table,
    apart,
    averages,
    by_agents,
    deviation,
    markdown_table,
    of_the_whole,
    result_row,
    text_table,
    whole_rows,
)


def pair(i, noise, value, **more):
    return {"noise": noise, "accuracy": value, "speaker": i, "listener": i, **more}


def test_a_row_has_the_fields_of_its_parts_in_their_order():
    row = result_row({"mode": "test", "step": 1}, {"accuracy": 0.5}, whole=True)
    assert list(row.items()) == [("mode", "test"), ("step", 1), ("accuracy", 0.5), ("whole", True)]


def test_the_mark_says_which_rows_are_about_all_agents():
    rows = [pair(0, 0.0, 0.9, whole=False), pair(1, 0.0, 0.8, whole=True)]
    assert whole_rows(rows) == rows[1:]


def test_rows_without_the_mark_are_recognized():
    average = {"noise": 0.0, "ensemble": "average", "accuracy": 0.5}
    population = [pair(0, 0.0, 0.4), pair(1, 0.0, 0.6), average, {**average, "ensemble": "vote", "speaker": 0}]
    assert whole_rows(population) == [average]
    independent = [pair(0, 0.0, 0.4), pair(1, 0.0, 0.6)]
    assert whole_rows(independent) == independent
    language = [{"measure": "a", "speaker": 0}, {"measure": "b", "position": 0, "speaker": 0}]
    assert whole_rows(language) == language[:1]
    assert whole_rows([{"noise": 0.0, "accuracy": 0.9}]) == [{"noise": 0.0, "accuracy": 0.9}]


def test_a_file_of_both_kinds_is_read():
    old, new = pair(0, 0.5, 0.4), pair(0, 0.0, 0.9, whole=True)
    assert whole_rows([old, new]) == [old, new]
    average = {"noise": 0.0, "ensemble": "average", "accuracy": 0.5}
    old = [pair(0, 0.5, 0.4), pair(1, 0.5, 0.4), {**average, "noise": 0.5}]
    new = [pair(0, 0.0, 0.9, whole=False), pair(1, 0.0, 0.9, whole=False), {**average, "whole": True}]
    assert whole_rows([*old, *new]) == [old[2], new[2]]


def test_the_only_pair_stands_for_itself():
    rows = [pair(0, 0.0, 0.9), pair(0, 0.5, 0.4)]
    assert by_agents(rows, ["noise"], "accuracy") == {"": rows}


def test_independent_pairs_have_a_mean_worked_by_hand():
    rows = [pair(i, 0.0, value, games=7) for i, value in enumerate((0.2, 0.4, 0.9))]
    ((only,),) = by_agents(rows, ["noise"], "accuracy").values()
    assert (only["noise"], only["accuracy"], only["pairs"]) == (0.0, pytest.approx(0.5), 3)
    # Squares of −0.3, −0.1, 0.4 add up to 0.26, over n − 1 = 2.
    assert only["deviation"] == pytest.approx(0.13**0.5)
    assert only["interval"] == pytest.approx([0.5 - 0.13**0.5, 0.5 + 0.13**0.5])
    assert not {"speaker", "listener", "games"} & set(only)


def test_where_numbers_vary_means_are_those_of_each_setting():
    rows = [pair(i, 0.0, value, varied={"kl": 0.5 * (i // 2)}) for i, value in enumerate((0.2, 0.4, 0.5, 0.9))]
    found = by_agents(rows, ["noise"], "accuracy")
    assert {name: [row["accuracy"] for row in cell] for name, cell in found.items()} == {
        "kl 0": [pytest.approx(0.3)], "kl 0.5": [pytest.approx(0.7)],
    }
    whole = of_the_whole(rows, ["noise"])
    assert apart(whole) == ["varied"] and [row["pairs"] for row in whole] == [2, 2]
    table = accuracy_table(whole, apart(whole), "noise").splitlines()
    assert [line.split() for line in table] == [
        ["varied", "noise", "0"],
        ["kl", "0", "0.300", "±", "0.141"],
        ["kl", "0.5", "0.700", "±", "0.283"],
    ]
    assert [row["deviation"] for row in averages(rows, ["varied"], "accuracy")] == pytest.approx([0.02**0.5, 0.08**0.5])


def test_a_setting_with_one_seed_keeps_its_row():
    rows = [pair(i, 0.0, value, varied={"kl": float(i)}) for i, value in enumerate((0.2, 0.4))]
    assert by_agents(rows, ["noise"], "accuracy") == {"kl 0": rows[:1], "kl 1": rows[1:]}


def test_one_undefined_value_makes_the_mean_undefined():
    ((only,),) = by_agents([pair(0, 0.0, None), pair(1, 0.0, 0.5)], ["noise"], "accuracy").values()
    assert only["accuracy"] is None and only["deviation"] is None
    (average,) = averages([pair(0, 0.0, None), pair(1, 0.0, 0.5)], ["noise"], "accuracy")
    assert (average["accuracy"], average["deviation"], average["speakers"]) == (None, None, 2)


def test_a_population_is_its_average_and_its_vote_and_no_single_speakers():
    average, vote = ({"noise": 0.0, "accuracy": 0.5, "ensemble": name, "speakers": 2} for name in ("average", "vote"))
    rows = [pair(0, 0.0, 0.1), pair(1, 0.0, 0.9), average, {**vote, "speaker": 0}, vote]
    assert by_agents(rows, ["noise"], "accuracy") == {"average": [average], "vote": [vote]}


def test_a_deviation_is_that_of_a_sample():
    assert deviation([1.0, 3.0]) == pytest.approx(2**0.5)
    assert deviation([1.0]) is None


def accuracies(**more):
    return [
        {"candidates": count, "noise": noise, "accuracy": value, **more}
        for count, values in ((16, (0.898, 0.882)), (256, (0.407, 0.361)))
        for noise, value in zip((0.0, 0.25), values, strict=True)
    ]


def test_accuracies_are_laid_out_as_in_the_readme():
    assert accuracy_table(accuracies(), ["candidates"], "noise").splitlines() == [
        "candidates  noise 0      noise 0.25",
        "        16  0.898        0.882",
        "       256  0.407        0.361",
    ]


def test_only_independent_pairs_have_a_deviation_in_the_table():
    table = accuracy_table(accuracies(deviation=0.0123, pairs=3), ["candidates"], "noise")
    assert "16  0.898 ± 0.012  0.882 ± 0.012" in table
    assert "±" not in accuracy_table(accuracies(deviation=0.0123, ensemble="average"), ["candidates"], "noise")


def test_a_cell_that_was_not_measured_is_empty():
    lines = accuracy_table(accuracies()[1:], ["candidates"], "noise").splitlines()
    assert [line.split() for line in lines[1:]] == [["16", "0.882"], ["256", "0.361", "0.407"]]


TABLE = """
from tf_emcom.evaluation.results import markdown_table, text_table
print(text_table(["name", "n"], [["[bold]:smile: " + "x" * 300, "1"], ["b", "1,000"]], left=["name"]))
print(markdown_table(["name", "n"], [["a", "1"], ["long", "2"]]))
"""


@pytest.mark.processes
def test_tables_are_plain_text_whatever_the_terminal_is():
    how = {"COLUMNS": "20", "FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"}
    given = [*commands.python(), "-c", TABLE]
    done = subprocess.run(given, cwd=commands.ROOT, env={**os.environ, **how}, capture_output=True, text=True)
    name = "[bold]:smile: " + "x" * 300
    rows = [f"{'name':<{len(name)}}      n", f"{name}      1", f"{'b':<{len(name)}}  1,000"]
    assert done.stdout.splitlines()[:3] == rows
    assert done.stdout.splitlines()[3:] == ["| name | n |", "|------|---|", "| a    | 1 |", "| long | 2 |"]


def test_columns_end_on_the_right_unless_they_are_named():
    table = text_table(["a", "number", "c"], [["long", "1", "2"], ["b", "10", ""]], left=["a"])
    assert table.splitlines() == ["a     number  c", "long       1  2", "b         10"]
    assert markdown_table(["a"], []).splitlines() == ["| a |", "|---|"]
