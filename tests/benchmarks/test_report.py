"""Reports and their tables, against text and numbers made by hand: written, read again and compared."""

import json
import os

import pytest
import tensorflow as tf

from benchmarks import report
from benchmarks.report import Report, Table, merged
from tests import commands
from tf_emcom.errors import UserError

MACHINE = {
    "processor": "A",
    "cores": 2,
    "flags": "avx2 fma",
    "gpus": [],
    "python": "3.11.0",
    "tensorflow": "2.20.0",
    "onednn": False,
    "load": 0.0,
}

STEPS = Table(
    "Steps",
    ("game", "batch"),
    {"ms": "the shortest time", "games/s": "", "share": "of the peak"},
    [
        {"game": "lg_s", "batch": 16, "ms": 8.0, "games/s": 2000.0, "share": 0.25},
        {"game": "nlg", "batch": 1024, "ms": 512.0, "games/s": 2000.0, "share": None},
    ],
    ("ms", "games/s"),
)


def reported(seconds, **machine):
    table = Table("Steps", ("game",), {"seconds": "a step"}, [{"game": "nlg", "seconds": seconds}], ("seconds",))
    return Report({**MACHINE, **machine}, ["noise=0.5"], [table])


def test_text_begins_with_the_machine_and_the_bindings():
    text = reported(2.0).text()
    assert text.startswith("Processor: A, 2 cores; avx2 fma\nGPU: none\nPython 3.11.0, TensorFlow 2.20.0, oneDNN off\n")
    assert "Load average before the run: 0.00\nBindings: noise=0.5\n" in text
    assert "WARNING" not in text


def test_a_busy_machine_gives_a_warning():
    assert "WARNING: the machine was not idle" in reported(2.0, load=1.0).text()


def test_what_is_written_is_read_again(tmp_path):
    path = str(tmp_path / "report.json")
    reported(2.0).write(path)
    assert report.read(path) == {
        "machine": MACHINE,
        "bindings": ["noise=0.5"],
        "tables": [
            {
                "title": "Steps",
                "labels": ["game"],
                "numbers": {"seconds": "a step"},
                "rows": [{"game": "nlg", "seconds": 2.0}],
            }
        ],
    }


def test_older_numbers_stand_beside_the_new_ones(tmp_path):
    path = str(tmp_path / "report.json")
    reported(4.0).write(path)
    text = reported(2.0, load=0.1).beside(report.read(path), path)
    line = next(line for line in text.splitlines() if line.startswith("nlg"))
    assert line.split() == ["nlg", "2", "4", "0.5"]
    assert text.endswith(f"Compared with {path}; a ratio is now / before.")


def test_other_conditions_are_named(tmp_path):
    path = str(tmp_path / "report.json")
    reported(4.0, onednn=True).write(path)
    text = reported(2.0)._replace(bindings=[]).beside(report.read(path), path)
    assert "other conditions: onednn True and now False; bindings ['noise=0.5'] and now []." in text


def test_a_file_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(UserError, match="cannot be written"):
        reported(2.0).write(str(tmp_path / "none" / "report.json"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read"), ("no JSON", "is no JSON"), ("[]", "is no report"), ('{"machine": 1}', "is no report")],
    ids=["missing", "text", "list", "part"],
)
def test_a_file_that_is_no_report_is_an_error(tmp_path, content, reason):
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=reason):
        report.read(str(path))


def test_text_has_a_title_a_line_a_row_and_what_numbers_are():
    assert STEPS.text() == "\n".join(
        [
            "Steps",
            "",
            "game  batch     ms  games/s  share",
            "----------------------------------",
            "lg_s  16         8    2,000   0.25",
            "nlg   1,024  512.0    2,000      -",
            "",
            "  ms: the shortest time",
            "  share: of the peak",
        ]
    )


def test_older_numbers_and_ratios_stand_beside_those_of_the_same_row():
    older = [
        {"game": "nlg", "batch": 1024, "ms": 1024.0, "games/s": 1000.0, "share": 0.5},
        {"game": "nlg", "batch": 16, "ms": 1.0, "games/s": 16000.0, "share": 0.5},
    ]
    table = STEPS.beside(older)
    timed = ["ms", "ms, before", "ms, ratio"]
    assert list(table.numbers) == [*timed, "games/s", "games/s, before", "games/s, ratio", "share"]
    first, second = table.rows
    assert (first["ms, before"], first["ms, ratio"]) == (None, None)
    assert (second["ms, before"], second["ms, ratio"]) == (1024.0, 0.5)
    assert (second["games/s, before"], second["games/s, ratio"]) == (1000.0, 2.0)
    assert "share, ratio" not in second


def test_a_ratio_to_zero_is_left_out():
    row = STEPS.beside([{"game": "lg_s", "batch": 16, "ms": 0.0, "games/s": None}]).rows[0]
    assert (row["ms, ratio"], row["games/s, ratio"]) == (None, None)


def test_tables_of_one_title_are_merged_in_order():
    other = STEPS._replace(title="Other")
    assert merged([STEPS, other, STEPS._replace(rows=STEPS.rows[:1])]) == [
        STEPS._replace(rows=[*STEPS.rows, STEPS.rows[0]]),
        other,
    ]


def test_this_machine_is_described():
    found = report.describe_machine(load=0.126)
    assert found["cores"] == len(os.sched_getaffinity(0))
    assert found["tensorflow"] == tf.__version__
    assert found["load"] == 0.13
    assert found["processor"]
    assert report.machine_text(found).count("\n") >= 3


@pytest.mark.processes
def test_the_command_measures_writes_and_compares(tmp_path):
    path = tmp_path / "report.json"
    older = {"machine": MACHINE, "bindings": [], "tables": [{"title": "Ours and the plain way", "rows": []}]}
    (tmp_path / "older.json").write_text(json.dumps(older))
    ran = commands.start(
        "benchmark", "--only=pairwise_edit_distance", f"--json={path}", f"--compare={tmp_path}/older.json"
    )
    assert ran.returncode == 0, ran.stderr
    assert "ours s, before" in ran.stdout
    ((row,),) = [table["rows"] for table in json.loads(path.read_text())["tables"]]
    assert row["task"] == "pairwise_edit_distance"
    assert row["times"] == pytest.approx(row["plain s"] / row["ours s"])


@pytest.mark.processes
def test_the_command_reports_an_unknown_name_in_one_sentence():
    ran = commands.start("benchmark", "--only=edit")
    assert ran.returncode == 2
    assert ran.stderr.startswith("Error: There is no measurement 'edit'")
    assert "Traceback" not in ran.stderr
