"""Which runs a grid has, what is made again, and what is written about them."""

import csv
import json
import subprocess
import time
import zlib
from pathlib import Path

import pytest

from tests import commands
from tf_emcom import cli
from tf_emcom.errors import UserError
from tf_emcom.runtime import catalogue, config
from tf_emcom.runtime.config import build
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.tools.reproduce import runner, tables
from tf_emcom.tools.reproduce.grid import Cell, Reproduction
from tf_emcom.tools.reproduce.measured import measured, over_seeds, results
from tf_emcom.tools.reproduce.runner import Runner
from tf_emcom.tools.reproduce.tables import Table, write_report

TINY = [f"--gin_param={p}" for p in (*commands.TINY, "steps=2", "batch_size=16", "Discrimination.distractors=3")]
SPEAKERS = {"nlg": ["nlg"], "shuffled": ["nlg", "--gin_param=TransferLearner.speaker_source=@ShuffledSpeaker()"]}


def test_runs_are_games_by_seeds_then_tasks_by_speakers():
    grid = Reproduction({"nlg": ["a"], "lg": ["b"]}, [3, 4], tasks={"class": ["c"]}, speakers=SPEAKERS)
    assert [cell.name for cell in grid.game_cells("/r")] == ["nlg-3", "lg-3", "nlg-4", "lg-4"]
    cells = grid.transfer_cells("/r")
    assert [cell.name for cell in cells] == ["class-nlg-3", "class-shuffled-3", "class-nlg-4", "class-shuffled-4"]
    train, evaluate = cells[3].commands
    assert train[0] == "train" and evaluate[0] == "evaluate"
    assert "--gin_param=checkpoint='/r/nlg-4'" in train
    assert train[-2:] == (SPEAKERS["shuffled"][1], "--workdir=/r/class-shuffled-4")
    assert cells[3].needs == "nlg-4" and cells[3].arguments == ("c",)
    assert cells[3].labels == {"task": "class", "speaker": "shuffled", "seed": 4}


def test_further_tests_are_commands_of_their_own_and_a_game_may_have_tests_of_its_own():
    further = {"zero_shot": ["testchannel", "--gin_param=TestChannel.passes=1"], "again": ["testinput"]}
    given = {"tests": ["testchannel", "testtopsim"], "test_arguments": ["--checkpoint=best"]}
    grid = Reproduction(
        {"lg": ["a"], "naming": ["b"]}, [0], **given, tests_of={"naming": ["testnaming"]}, further_tests=further
    )
    lg, naming = grid.game_cells("/r")
    assert lg.commands == (
        ("train", "a", "--gin_param=seed=0", "--workdir=/r/lg-0"),
        ("evaluate", "--workdir=/r/lg-0", "--mode=testchannel", "--mode=testtopsim", "--checkpoint=best"),
        (
            *("evaluate", "--workdir=/r/lg-0", "--mode=testchannel", "--checkpoint=best"),
            *("--gin_param=TestChannel.passes=1", "--gin_param=TestChannel.kept_as='zero_shot'"),
        ),
    )
    assert naming.commands[1:] == (("evaluate", "--workdir=/r/naming-0", "--mode=testnaming", "--checkpoint=best"),)
    assert grid.modes == {"zero_shot": "testchannel", "again": "testinput"}


def test_each_speaker_of_a_population_gets_so_many_new_listeners():
    given = {"tasks": {"class": ["c"]}, "speakers": {"pop": ["pop", "more"]}}
    one = Reproduction({"pop": ["a"]}, [3], **given).transfer_cells("/r")
    cells = Reproduction({"pop": ["a"]}, [3], **given, speaker_counts={"pop": 2}, listeners=2).transfer_cells("/r")
    assert [cell.name for cell in cells] == [
        *("class-pop-3", "class-pop-3-listener1", "class-pop-3-speaker1", "class-pop-3-speaker1-listener1")
    ]
    # More of them leave what is made as it is.
    assert cells[0].commands == one[0].commands and "speaker_index" not in one[0].labels
    last = cells[3]
    assert last.labels == {"task": "class", "speaker": "pop", "seed": 3, "speaker_index": 1, "new_listener": 1}
    assert last.commands[0] == (
        *("train", "c", "--gin_param=seed=10003", "--gin_param=checkpoint='/r/pop-3'", "more"),
        *("--gin_param=speaker_index=1", "--workdir=/r/class-pop-3-speaker1-listener1"),
    )
    assert last.needs == "pop-3"


def test_a_game_whose_seeds_are_trained_together_is_one_run_and_each_seed_has_its_speaker():
    given = {"tasks": {"class": ["c"]}, "speakers": {"small": ["small"], "lg": ["lg"]}}
    grid = Reproduction({"small": ["a"], "lg": ["b"]}, [3, 4], **given, together=["small"])
    games = grid.game_cells("/r")
    assert [cell.name for cell in games] == ["small-3", "lg-3", "lg-4"]
    train = games[0].commands[0]
    assert train == ("train", "a", "--gin_param=seed=3", "--gin_param=seeds=2", "--workdir=/r/small-3")
    found = {cell.name: cell for cell in grid.transfer_cells("/r")}
    assert {name: cell.needs for name, cell in found.items()} == {
        **{"class-small-3": "small-3", "class-lg-3": "lg-3", "class-small-4": "small-3", "class-lg-4": "lg-4"}
    }
    assert "--gin_param=speaker_index=1" in found["class-small-4"].commands[0]
    others = [word for name in ("class-small-3", "class-lg-4") for word in found[name].commands[0]]
    assert not any("speaker_index" in word for word in others)
    # With one seed there is nothing to train together.
    assert Reproduction({"small": ["a"]}, [3], together=["small"]).game_cells("/r") == [
        *Reproduction({"small": ["a"]}, [3]).game_cells("/r")
    ]


def test_commands_of_grids_that_are_made_stay_the_same():
    catalogue.register_components()
    config.load(["gin/reproduce/offline.gin"], [])
    with config.plain_errors():
        cells = [cell for cell in build("Reproduction").cells("/runs") if cell.labels["seed"] < 3]
    # Whoever changes one on purpose writes the new sum here; grids that were made before are then made again.
    assert (len(cells), zlib.crc32(json.dumps([cell.commands for cell in cells]).encode())) == (60, 3254178975)


@pytest.mark.processes
def test_a_grid_has_noises_and_seeds_in_one_program(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "_START", [*commands.python(), "-m", "tf_emcom"])
    varied = ["noise=@Varied()", "Varied.name='noise'", "Varied.values=[0.25, 0.5]"]
    digits = ["--gin_file=gin/nlg_digits.gin", *TINY, *(f"--gin_param={p}" for p in varied)]
    params = [
        f"Reproduction.games={{'nlg': {digits}}}",
        *("Reproduction.tasks={}", "Reproduction.speakers={}", "Reproduction.claims=[]", "Reproduction.seeds=[0, 1]"),
        *("Reproduction.together=['nlg']", "Reproduction.tests=['testchannel']"),
        "Reproduction.test_arguments=['--gin_param=TestChannel.candidates=[16]', '--gin_param=TestChannel.passes=1']",
    ]
    cli.reproduce("offline", str(tmp_path), 1, params)
    assert [path.name for path in (tmp_path / "runs").iterdir() if path.is_dir()] == ["nlg-0"]
    with (tmp_path / "tables" / "testchannel.csv").open() as file:
        found = [(row["game"], row["noise"], row["seeds"]) for row in csv.DictReader(file)]
    games, noises = ("nlg, noise 0.25", "nlg, noise 0.5"), ("0.0", "0.25", "0.5", "0.75")
    assert found == [(game, noise, "2") for game in games for noise in noises]


WRONG = {
    "no games": ({"games": {}, "seeds": [0]}, "at least one of each"),
    "no seeds": ({"games": {"a": []}, "seeds": []}, "at least one of each"),
    "seeds apart": ({"games": {"a": []}, "seeds": [0, 2], "together": ["a"]}, r"another; set it to .0, 1."),
    "several speakers of one seed": (
        {"games": {"a": []}, "seeds": [0], "together": ["a"], "speakers": {"s": ["a"]}, "speaker_counts": {"s": 2}},
        "one speaker a seed",
    ),
    "negative seed": ({"games": {"a": []}, "seeds": [-1]}, "seeds is .-1.* 0 or more"),
    "one string": ({"games": {"a": "--gin_file=x"}, "seeds": [0]}, "a list, each element a text"),
    "numbers as arguments": ({"games": {"a": [1]}, "seeds": [0]}, "a list, each element a text"),
    "a parent's folder": ({"games": {"..": []}, "seeds": [0]}, "its name becomes a folder's"),
    "tests as one text": ({"games": {"a": []}, "seeds": [0], "tests": "testchannel"}, "tests is 'testchannel'"),
    "no claim": (
        {"games": {"a": []}, "seeds": [0], "claims": ["a > b"]},
        "claims is .*, each element an object of a Statement",
    ),
    "a further test of no mode": (
        {"games": {"a": []}, "seeds": [0], "further_tests": {"x": ["test"]}},
        r"further_tests\['x'\] is \['test'\].* begin with one of testchannel",
    ),
    "a further test called as a mode": (
        {"games": {"a": []}, "seeds": [0], "further_tests": {"testtopsim": ["testtopsim"]}},
        "another one than that of a mode",
    ),
    "the tests of no game": (
        {"games": {"a": []}, "seeds": [0], "tests_of": {"b": ["testnaming"]}},
        "tests_of names 'b', but this grid has a;",
    ),
    "the best of no game": ({"games": {"a": []}, "seeds": [0], "best_of": ["b"]}, "best_of names 'b'"),
    "speakers of none": (
        {"games": {"a": []}, "seeds": [0], "speaker_counts": {"a": 2}},
        "speaker_counts names 'a', but this grid has nothing of the kind",
    ),
    "unknown speaker": ({"games": {"a": []}, "seeds": [0], "speakers": {"x": ["b"]}}, "one of a"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_grid_that_cannot_be_made_is_refused(case):
    arguments, sentence = WRONG[case]
    with pytest.raises(UserError, match=sentence):
        Reproduction(**arguments)


def test_means_and_deviations_over_seeds_are_worked_by_hand():
    rows = [{"game": "a", "noise": 0, "accuracy": v, "seed": s} for s, v in enumerate((0.2, 0.4, 0.9))]
    rows += [{"game": "b", "noise": 0, "accuracy": v, "seed": s} for s, v in enumerate((1.0, None))]
    first, second = over_seeds(rows, ("game", "noise"), "accuracy")
    assert (first["game"], first["mean"], first["seeds"]) == ("a", pytest.approx(0.5), 3)
    assert first["deviation"] == pytest.approx(((0.09 + 0.01 + 0.16) / 2) ** 0.5)
    assert (second["game"], second["noise"], second["mean"], second["seeds"]) == ("b", 0, 1.0, 1)
    # Of one seed there is no deviation, no error and no interval.
    assert [second[key] for key in ("deviation", "standard_error", "low", "high")] == [None] * 4


def test_two_values_of_one_seed_are_not_taken_for_two_seeds():
    rows = [{"game": "a", "accuracy": v, "seed": 0} for v in (0.1, 0.2)]
    with pytest.raises(ValueError, match="Seed 0 has more than one accuracy by game"):
        over_seeds(rows, ["game"], "accuracy")


def summarized(mean, seeds=3, **keys):
    ends = {} if seeds == 1 else {"deviation": 0.01, "low": mean - 0.02, "high": mean + 0.02}
    return {**keys, "mean": mean, "deviation": None, "low": None, "high": None, "seeds": seeds, **ends}


def test_a_table_is_laid_out_in_pages_and_has_intervals():
    rows = [
        summarized(c / 100 + n, candidates=c, game=g, noise=n)
        for c in (16, 64)
        for g in ("nlg", "lg")
        for n in (0.0, 0.5)
    ]
    table = Table("t", "Accuracy", rows, ("candidates",), "game", "noise")
    text = table.as_markdown()
    assert "Mean ± standard deviation (n − 1) over 3 seeds [95 % interval of the mean]." in text
    assert text.count("| game | noise 0                      | noise 0.5                    |") == 2
    assert "| nlg  | 0.160 ± 0.010 [0.140, 0.180] | 0.660 ± 0.010 [0.640, 0.680] |" in text
    first = list(csv.DictReader(table.as_csv().splitlines()))[0]
    assert first == {
        **{"candidates": "16", "game": "nlg", "noise": "0.0", "mean": "0.16", "deviation": "0.01", "seeds": "3"},
        **{"standard_error": "", "interquartile_mean": "", "low": "0.14", "high": "0.18"},
    }


def test_a_wide_table_leaves_intervals_to_its_csv_file():
    rows = [summarized(0.5, game="nlg", erased=erased) for erased in range(6)]
    text = Table("testmessage", "Accuracy", rows, (), "game", "erased").as_markdown()
    assert "over 3 seeds; tables/testmessage.csv has 95 % intervals of the mean." in text
    assert "| 0.500 ± 0.010 | 0.500 ± 0.010 |" in text


def test_every_number_says_of_how_many_seeds_it_is_where_these_differ():
    rows = [summarized(0.5, seeds=count, game=f"of {count}", noise=0.0) for count in (1, 3)]
    text = Table("t", "Accuracy", rows, (), "game", "noise").as_markdown()
    assert "over n seeds, 1 to 3" in text
    assert "| of 1 | 0.500, n = 1                        |" in text
    assert "| of 3 | 0.500 ± 0.010 [0.480, 0.520], n = 3 |" in text
    one = Table("t", "Accuracy", rows[:1], (), "game", "noise").as_markdown()
    assert "Of 1 seed." in one and "| of 1 | 0.500   |" in one


@pytest.mark.processes
def test_a_run_that_fails_is_reported_and_the_others_are_made(tmp_path):
    runner = Runner(str(tmp_path), jobs=2)
    bad = Cell("bad", {}, (("evaluate", f"--workdir={tmp_path}/nowhere"),))
    good = Cell("good", {}, (("evaluate", "--help"),))
    (tmp_path / "good").mkdir()
    failed = runner.make([bad, good])
    assert list(failed) == ["bad"] and "There is no run in" in failed["bad"]
    assert runner.is_finished(good) and not runner.is_finished(bad)


@pytest.mark.processes
def test_a_whole_grid_is_made_once_written_up_and_passed_over_when_asked_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(runner, "_START", [*commands.python(), "-m", "tf_emcom"])
    digits = ["--gin_file=gin/nlg_digits.gin", *TINY]
    etl = ["--gin_file=gin/etl_digits.gin", *(f"--gin_param={p}" for p in ("steps=2", "Log.every=1", "games=16"))]
    params = [
        f"Reproduction.games={{'nlg': {digits}}}",
        f"Reproduction.tasks={{'classification': {etl}}}",
        f"Reproduction.speakers={SPEAKERS}",
        "Reproduction.seeds=[0, 1]",
        "Reproduction.tests=['testchannel', 'testtopsim']",
        "Reproduction.test_arguments=['--gin_param=TestChannel.candidates=[16]', '--gin_param=TestChannel.passes=1']",
        "Reproduction.transfer_test_arguments=['--gin_param=Test.passes=1']",
        "Reproduction.claims=[@heard/Claim()]",
        "heard/Claim.higher={'speaker': 'nlg'}",
        "heard/Claim.lower={'speaker': 'shuffled'}",
    ]
    cli.reproduce("offline", str(tmp_path), 2, params)
    files = commands.snapshot(tmp_path)
    text = (tmp_path / "results.md").read_text()
    assert "\n- nlg: `--gin_file=gin/nlg_digits.gin --gin_param=" in text
    shared = next(line for line in text.splitlines() if line.startswith("The same in all of them: seeds 0, 1,"))
    for setting in ("tested at step 2", "tested on split test", "batch_size 16", "data @Digits()", "steps 2"):
        assert f", {setting}, " in shared
    assert "mean over 1 by task: speaker nlg − speaker shuffled" in text
    for title in ("Accuracy by channel noise", "Topographic similarity", "Transfer to a new listener", "Ease of lear"):
        assert f"## {title}" in text
    for name in ("testchannel", "ease_of_learning_classification"):
        assert len(files[f"figures/{name}.png"]) > 1000
    rows = list(csv.DictReader((tmp_path / "tables" / "testchannel.csv").read_text().splitlines()))
    cells = [
        json.loads((tmp_path / "runs" / f"nlg-{seed}" / "eval" / "testchannel.jsonl").read_text().splitlines()[2])
        for seed in (0, 1)
    ]
    assert float(rows[2]["mean"]) == pytest.approx(sum(cell["accuracy"] for cell in cells) / 2)
    capsys.readouterr()
    cli.reproduce("offline", str(tmp_path), 2, params)
    said = capsys.readouterr().out
    assert "2 of 2 runs are finished already" in said and "4 of 4 runs are finished already" in said
    assert commands.snapshot(tmp_path) == files
    # Another claim needs no run.
    cli.reproduce("offline", str(tmp_path), 2, [*params, "heard/Claim.at_least=1e6"])
    changed = {name for name, content in commands.snapshot(tmp_path).items() if files[name] != content}
    assert changed == {"results.md", "tables/claims.csv", "tables/claims.md"}
    assert "| 1e+06    |" in (tmp_path / "results.md").read_text()


SLOW = """
import os, sys, time
folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
if os.path.exists(os.path.join(folder, "started")):
    open(os.path.join(folder, "again"), "w").close()
else:
    with open(os.path.join(folder, "started"), "w") as file:
        file.write(str(os.getpid()))
    while not os.path.exists(os.path.join(folder, "enough")):
        time.sleep(0.05)
"""
GRID = """
import sys
from tf_emcom.tools.reproduce import runner, tables
from tf_emcom.tools.reproduce.grid import Cell
runner._START = [sys.executable]
runs = sys.argv[1] + "/runs"
print(runner.Runner(runs, jobs=1).make([Cell("slow", {}, ((sys.argv[1] + "/slow", runs + "/slow"),))]))
"""


@pytest.mark.processes
def test_after_a_kill_the_same_grid_waits_for_what_still_runs_and_goes_on(tmp_path):
    (tmp_path / "slow").write_text(SLOW)
    given = [*commands.python(), "-c", GRID, str(tmp_path)]
    slow = tmp_path / "runs" / "slow"
    killed = subprocess.Popen(given, cwd=commands.ROOT)
    wait_for(lambda: (slow / "started").exists() and (slow / "started").read_text())
    killed.kill()
    killed.wait(60)
    again = subprocess.Popen(given, cwd=commands.ROOT, stdout=subprocess.PIPE, text=True)
    assert "still being made" in again.stdout.readline()
    time.sleep(1)
    assert again.poll() is None and not (slow / "again").exists()
    # What was left running ends.
    (slow / "enough").touch()
    assert again.communicate(timeout=60)[0].splitlines()[-1] == "{}" and (slow / "again").exists()
    assert (slow / "finished.json").exists()


def wait_for(there, seconds=120):
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)


def written_up(tmp_path, cells=("a-0", "a-1")):
    """The results of runs that were never made."""
    for name in cells:
        (tmp_path / name / "eval").mkdir(parents=True)
        rows = [{"candidates": 16, "noise": noise, "accuracy": 0.5 + noise / 4} for noise in (0.0, 0.5)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / name / "eval" / "testchannel.jsonl").write_text(text)
    return [Cell(name, {"game": "a", "seed": seed}, ()) for seed, name in enumerate(cells)]


def test_a_grid_reads_the_newest_step_and_averages_and_votes_of_all_agents(tmp_path):
    def row(accuracy, step=20, **agents):
        return {"mode": "testchannel", "step": step, "candidates": 16, "noise": 0.0, "accuracy": accuracy, **agents}

    average, vote = ({"ensemble": name, "speakers": 2, "whole": True} for name in ("average", "vote"))
    pair, of_one = {"speaker": 0, "listener": 0, "whole": False}, {"ensemble": "vote", "speaker": 0, "whole": False}
    rows = [row(0.1, step=10, **average), row(0.2, **pair), row(0.3, **average), row(0.35, **of_one), row(0.4, **vote)]
    (tmp_path / "a-0" / "eval").mkdir(parents=True)
    (tmp_path / "a-0" / "eval" / "testchannel.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    cells = [Cell("a-0", {"game": "a", "seed": 3}, ())]
    found = results(str(tmp_path), cells, "testchannel")
    assert [(each["accuracy"], each["game"], each["seed"]) for each in found] == [(0.3, "a", 3), (0.4, "a, vote", 3)]
    text = Path(write_report(str(tmp_path), str(tmp_path), cells, [])).read_text()
    assert "| a       | 0.300   |" in text and "| a, vote | 0.400   |" in text
    # What was run is said once.
    assert text.count("\n- a: ") == 1 and text.count("- a, vote") == 0


def test_bands_in_figures_are_the_intervals_of_the_tables(tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr(tables, "draw_panels", lambda panels, *_, **__: drawn.update(panels))
    cells = written_up(tmp_path / "runs", ("a-0", "a-1", "a-2"))
    for seed, cell in enumerate(cells):
        rows = [{"candidates": 16, "noise": noise, "accuracy": (0.1, 0.2, 0.6)[seed]} for noise in (0.0, 0.5)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / "runs" / cell.name / "eval" / "testchannel.jsonl").write_text(text)
    write_report(str(tmp_path), str(tmp_path / "runs"), cells, [])
    (curve,) = drawn["candidates 16"]
    # One of 27 resamples has one seed alone, which is more than 2.5 %.
    assert (curve.x, curve.y) == ([0.0, 0.5], [pytest.approx(0.3)] * 2)
    assert curve.intervals == [(pytest.approx(0.1), pytest.approx(0.6))] * 2
    write_report(str(tmp_path), str(tmp_path / "runs"), cells[:1], [])
    assert drawn["candidates 16"][0].intervals == [(0.1, 0.1)] * 2


def test_what_is_reached_without_a_message_is_measured_once_for_a_task(tmp_path):
    cells = []
    for speaker in ("a", "b"):
        (tmp_path / speaker / "eval").mkdir(parents=True)
        row = {"mode": "test", "task": "attribute", "step": 2, "noise": 0.0, "accuracy": 0.8, "loss": 2.0}
        row |= {"without_message": 0.7, "games": 5, "whole": True}
        (tmp_path / speaker / "eval" / "test.jsonl").write_text(json.dumps(row) + "\n")
        cells.append(Cell(speaker, {"task": "attribute", "speaker": speaker, "seed": 0}, ()))
    found = measured(str(tmp_path), [], cells)["transfer"]
    assert [(each["speaker"], each["accuracy"], each["metric"]) for each in found] == [
        *(("a", 0.8, "accuracy"), ("b", 0.8, "accuracy"), ("without message", 0.7, "accuracy"))
    ]


def test_settings_that_differ_are_in_a_table_and_the_others_in_a_sentence(tmp_path):
    cells = written_up(tmp_path / "runs", ("lg-0", "nlg-0"))
    for cell, noise in zip(cells, (0.0, 0.5), strict=True):
        cell.labels.update(game=cell.name.removesuffix("-0"), seed=0)
        text = f"batch_size = %games\ngames = 64\nlength = None\nnoise = {noise}\nseed = 0\nseeds = 1\nA.b = 2\n"
        (tmp_path / "runs" / cell.name / "config.gin").write_text(text)
    text = Path(write_report(str(tmp_path), str(tmp_path / "runs"), cells, [])).read_text()
    assert "The same in all of them: seeds 0, batch_size 64, games 64." in text
    assert "| game | noise |" in text and "| nlg  | 0.5   |" in text
    (tmp_path / "runs" / "lg-0" / "config.gin").write_text("batch_size = \n")
    with pytest.raises(UserError, match="lg-0/config.gin cannot be understood"):
        write_report(str(tmp_path), str(tmp_path / "runs"), cells, [])


DAMAGES = {
    "cut": lambda content: content[: len(content) // 2],
    "another file's": lambda _: b'{"step": 1, "area": 2.0}\n',
    "no text": lambda _: b"\xff\xfe\x00",
    "another type": lambda content: content.replace(b"0.5", b'"0.5"'),
    "no object": lambda _: b"[1]\n",
    "nested": lambda _: b"[" * 100_000,
    "twice": lambda content: content * 2,
    "a key that changed": lambda content: content.replace(b"candidates", b"candidatez"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_result_is_one_sentence_and_the_older_tables_stay(damage, tmp_path):
    cells, out = written_up(tmp_path / "runs"), tmp_path / "out"
    write_report(str(out), str(tmp_path / "runs"), cells, [])
    before = commands.snapshot(out)
    assert {"results.md", "tables/testchannel.csv", "figures/testchannel.png"} <= set(before)
    path = tmp_path / "runs" / "a-1" / "eval" / "testchannel.jsonl"
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(UserError, match="a-1/eval/testchannel.jsonl.* is damaged|more than one accuracy") as raised:
        write_report(str(out), str(tmp_path / "runs"), cells, [])
    assert "\n" not in str(raised.value)
    assert commands.snapshot(out) == before


def test_tables_that_cannot_be_written_are_reported(tmp_path):
    cells = written_up(tmp_path / "runs")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "tables").write_text("a file")
    with pytest.raises(UserError, match="tables cannot be written"):
        write_report(str(tmp_path / "out"), str(tmp_path / "runs"), cells, [])
    with pytest.raises(UserError, match="runs cannot be written"):
        Runner(str(tmp_path / "out" / "tables" / "runs"), jobs=1).make(cells)


@pytest.mark.processes
def test_no_transfer_starts_before_its_game_is_finished(tmp_path):
    params = [
        "Reproduction.games={'nlg': ['--gin_file=gin/nlg_digits.gin', '--gin_param=batch_size=0']}",
        "Reproduction.tasks={'classification': ['--gin_file=gin/etl_digits.gin']}",
        "Reproduction.speakers={'nlg': ['nlg']}",
        "Reproduction.seeds=[0]",
    ]
    with pytest.raises(UserError, match="1 runs failed, the first of them nlg-0: .*batch_size is 0"):
        cli.reproduce("offline", str(tmp_path), 1, params)
    assert not list((tmp_path / "runs").glob("classification*"))


@pytest.mark.processes
def test_a_grid_that_is_stopped_stops_its_runs_and_goes_on(tmp_path):
    params = [
        "Reproduction.games={'nlg': ['--gin_file=gin/nlg_digits.gin', '--gin_param=steps=1000000']}",
        "Reproduction.tasks={}",
        "Reproduction.speakers={}",
        "Reproduction.seeds=[0]",
    ]
    flags = [f"--gin_param={param}" for param in params]
    log = tmp_path / "runs" / "nlg-0.log"
    grid = subprocess.Popen(
        [*commands.python(), "bin/reproduce", "--preset=offline", f"--out={tmp_path}", *flags], cwd=commands.ROOT
    )
    while not (log.exists() and "Starting at step" in log.read_text()):
        assert grid.poll() is None
        time.sleep(0.2)
    grid.terminate()
    assert grid.wait(60) == 130
    # The run's folder is free again: its process is gone.
    run = RunFolder(str(tmp_path / "runs" / "nlg-0"))
    run.lock()


@pytest.mark.parametrize("out", ["gs://bucket/grid", "a file"])
def test_a_place_where_no_grid_can_be_made_is_refused(out, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="local disk|cannot be made"):
        cli.reproduce("offline", out if "://" in out else str(tmp_path / "file"), 1, [])


def test_an_unknown_preset_is_refused():
    with pytest.raises(UserError, match="no preset 'ofline': did you mean offline"):
        cli.reproduce("ofline", None, None, [])
