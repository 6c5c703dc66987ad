"""Lists of cells, single cells, and several processes at once; the large presets on folders that are written here."""

import json
import subprocess
import sys

import pytest

from tests import commands, feature_folders
from tests.tools.reproduce.test_grid import SLOW, wait_for
from tf_emcom import cli
from tf_emcom.errors import UserError
from tf_emcom.files import read_json_lines
from tf_emcom.tools.reproduce import runner
from tf_emcom.tools.reproduce.grid import Cell
from tf_emcom.tools.reproduce.presets import folder_of, listed, make_cell
from tf_emcom.tools.reproduce.runner import Runner


def cells_of():
    """A cell whose command is `true`, and two that need another."""
    fails = ("-c", "print('it failed'); raise SystemExit(3)")
    return [
        *(Cell("alone", {}, (("-c", "pass"),)), Cell("needs", {}, (fails,), "alone")),
        Cell("late", {}, (("-c", "pass"),), "needs"),
    ]


@pytest.fixture
def python(monkeypatch):
    """Cells whose commands are those of Python."""
    monkeypatch.setattr(runner, "_START", [sys.executable, "-ISE"])


def test_a_list_says_what_is_made_and_what_waits(tmp_path):
    made = Runner(str(tmp_path / "runs"), 1)
    cells = cells_of()
    assert listed(cells, made).splitlines() == [
        *("0 alone: not made", "  tf-emcom -c pass"),
        *("1 needs: needs alone", "  tf-emcom -c 'print('\"'\"'it failed'\"'\"'); raise SystemExit(3)'"),
        *("2 late: needs needs", "  tf-emcom -c pass", "0 of 3 runs are finished."),
    ]
    assert not (tmp_path / "runs").exists()
    (tmp_path / "runs" / "alone").mkdir(parents=True)
    (tmp_path / "runs" / "alone" / "finished.json").write_text(json.dumps(cells[0].commands))
    lines = listed(cells, made).splitlines()
    assert (lines[0], lines[2], lines[-1]) == ("0 alone: finished", "1 needs: not made", "1 of 3 runs are finished.")


@pytest.mark.processes
def test_one_cell_is_made_and_no_other(tmp_path, python, capsys):
    runs = Runner(str(tmp_path), 1)
    cells = cells_of()
    (tmp_path / "alone").mkdir()
    make_cell(0, cells, runs)
    assert runs.is_finished(cells[0]) and "writes the tables" in capsys.readouterr().out
    make_cell(0, cells, runs)
    assert "1 of 1 runs are finished already" in capsys.readouterr().out
    with pytest.raises(UserError, match="needs failed: it failed .all of it in .*needs.log"):
        make_cell(1, cells, runs)
    with pytest.raises(UserError, match="Cell 2, late, needs needs, which is not finished; .* --cell=1"):
        make_cell(2, cells, runs)
    for number in (-1, 3):
        with pytest.raises(UserError, match=f"--cell is {number}, but this grid has the cells 0 to 2"):
            make_cell(number, cells, runs)


GRID = """
import sys
from tf_emcom.tools.reproduce import runner
from tf_emcom.tools.reproduce.grid import Cell
runner._START = [sys.executable]
runs = sys.argv[1] + "/runs"
cells = [Cell(name, {}, ((sys.argv[1] + "/slow", runs + "/" + name),)) for name in sys.argv[2:]]
print(runner.Runner(runs, jobs=2).make(cells), flush=True)
"""


@pytest.mark.processes
def test_several_processes_make_the_cells_of_one_grid_each_of_them_once(tmp_path):
    (tmp_path / "slow").write_text(SLOW)
    start = [*commands.python(), "-c", GRID, str(tmp_path)]
    first = subprocess.Popen([*start, "one", "two"], cwd=commands.ROOT, stdout=subprocess.PIPE, text=True)
    wait_for(lambda: all((tmp_path / "runs" / name / "started").exists() for name in ("one", "two")))
    # The second one makes what nobody makes, and waits for the other.
    second = subprocess.Popen([*start, "two", "three"], cwd=commands.ROOT, stdout=subprocess.PIPE, text=True)
    wait_for(lambda: (tmp_path / "runs" / "three" / "started").exists())
    assert "two in" in second.stdout.readline()
    for name in ("three", "one", "two"):
        (tmp_path / "runs" / name / "enough").touch()
    for process in (first, second):
        assert process.communicate(timeout=60)[0].splitlines()[-1] == "{}"
    # Nothing was started twice.
    assert not list((tmp_path / "runs").glob("*/again"))
    assert len(list((tmp_path / "runs").glob("*/finished.json"))) == 3


@pytest.mark.processes
def test_a_grid_that_waits_for_another_can_be_stopped(tmp_path):
    (tmp_path / "slow").write_text(SLOW)
    start = [*commands.python(), "-c", GRID, str(tmp_path), "one"]
    first = subprocess.Popen(start, cwd=commands.ROOT, stdout=subprocess.DEVNULL)
    wait_for(lambda: (tmp_path / "runs" / "one" / "started").exists())
    second = subprocess.Popen(start, cwd=commands.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "still being made" in second.stdout.readline()
    second.send_signal(2)
    assert second.wait(60) != 0
    (tmp_path / "runs" / "one" / "enough").touch()
    assert first.wait(60) == 0


def test_folders_are_local_and_named_after_the_preset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert folder_of("mine/eas.gin", None) == str(tmp_path / "runs" / "reproduce-eas")
    assert folder_of("offline", "there") == str(tmp_path / "there")


def test_a_preset_may_lie_anywhere(tmp_path, capsys):
    mine = tmp_path / "mine.gin"
    mine.write_text("Reproduction.games = {'a': ['--gin_file=gin/nlg_digits.gin']}\nReproduction.seeds = [4]\n")
    cli.reproduce(str(mine), str(tmp_path / "out"), None, [], shows=True)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "0 a-4: not made" and said[-1] == "0 of 1 runs are finished."
    assert not (tmp_path / "out").exists()


SMALL = [
    *("speaker/LstmCore.units=8", "listener/LstmCore.units=8", "Cpc.size=8", "batch_size=64", "steps=20"),
    *("Log.every=10", "Checkpoint.every=10", "Validation.every=10", "message_length=3"),
]
TESTED = [
    *("TestChannel.candidates=(16,)", "TestChannel.noises=(0.0,)", "TestChannel.passes=1"),
    *("TestInput.candidates=(16,)", "TestInput.noises=(0.0,)", "TestInput.passes=1", "TestTopsim.passes=1"),
]


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("preset", ["eas_imagenet", "eas_celeba"])
def test_large_presets_are_listed_and_their_first_cells_run(preset, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "data"
    splits = {"train": 256, "valid": 128, "test": 128}
    feature_folders.write_byol_folder(folder, examples=splits)
    feature_folders.write_celeba_folder(folder, examples={**splits, "test_official": 64})
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder))
    monkeypatch.setattr(runner, "_START", [*commands.python(), "-m", "tf_emcom"])
    data = preset.removeprefix("eas_")
    # The cells as they are, smaller: each argument of theirs, and small numbers behind.
    small = [f"--gin_param={param}" for param in SMALL]
    given = [f"--gin_param={param}" for param in TESTED]
    cli.reproduce(preset, str(tmp_path / "grid"), None, [], shows=True)
    said = capsys.readouterr().out
    counts = {"eas_imagenet": (110, 1440), "eas_celeba": (120, 2880)}[preset]
    assert f"\n0 of {sum(counts)} runs are finished." in said
    assert said.startswith(f"0 c16-0: not made\n  tf-emcom train --gin_file=gin/lg_s_eas_{data}.gin")
    assert "needs n50_imitation-9\n" in said
    params = [f"Reproduction.games={{'c16': {[f'--gin_file=gin/lg_s_eas_{data}.gin', *small]}}}"]
    params += ["Reproduction.seeds=[0]", "Reproduction.best_of=[]", "Reproduction.speakers={'c16': ['c16']}"]
    params += ["Reproduction.speaker_counts={}", "Reproduction.listeners=2", "Reproduction.claims=[]"]
    params += [f"Reproduction.test_arguments={['--checkpoint=best', *given]}"]
    new = ["steps=20", "games_of_many=32", "listener/LstmCore.units=8", "Cpc.size=8", "Log.every=10"]
    task = [f"--gin_file=gin/etl_eas_{data}.gin", *(f"--gin_param={param}" for param in new)]
    best = "--gin_param=TrainedSpeaker.which='best'"
    params += [f"Reproduction.tasks={{'discriminationdist': {[*task, best]}}}"]
    params += ["Reproduction.transfer_test_arguments=['--gin_param=Test.candidates=(16,)']"]
    for number in range(3):
        cli.reproduce(preset, str(tmp_path / "grid"), None, params, cell=number)
    cli.reproduce(preset, str(tmp_path / "grid"), 1, params)
    assert "3 of 3" not in capsys.readouterr().err
    text = (tmp_path / "grid" / "results.md").read_text()
    other = {"imagenet": "Zero shot celeba", "celeba": "Official split"}[data]
    for title in ("Beside published numbers", "Accuracy in training", f"{other}: accuracy", "Robustness", "Transfer"):
        assert title in text
    runs = tmp_path / "grid" / "runs"
    assert {path.parent.name for path in runs.glob("*/finished.json")} == {
        *("c16-0", "discriminationdist-c16-0", "discriminationdist-c16-0-listener1")
    }
    name = {"imagenet": "zero_shot_celeba", "celeba": "official_split"}[data]
    (row,) = read_json_lines(str(runs / "c16-0" / "eval" / f"testchannel.{name}.jsonl"), "")
    assert (row.get("data"), row["split"]) == (
        ("byol_celeb_a2", "test") if data == "imagenet" else (None, "test_official")
    )
    assert row["step"] in (10, 20)
