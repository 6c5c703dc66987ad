"""The notebooks and scripts of examples/ run as they stand there, and show what they say."""

import ast
import csv
import importlib.util
import json
import os
import re
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
import tensorflow as tf

import tf_emcom as ec
from tests import commands

FOLDER = commands.ROOT / "examples"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SCRIPTS = sorted(FOLDER.glob("*.py"))
PAGE = (commands.ROOT / "docs" / "examples.md").read_text(encoding="utf-8")


def stem(path):
    return path.stem


def cells(name, kind):
    """The cells of a notebook, each as a dictionary."""
    notebook = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def executed(name, folder, monkeypatch):
    """The names that a notebook has made when all its cells have run, in order and in one namespace."""
    from matplotlib import pyplot

    monkeypatch.chdir(folder)
    monkeypatch.setattr(pyplot, "show", lambda: [pyplot.savefig(f"{n}.png") for n in pyplot.get_fignums()])
    backend, level, made = matplotlib.get_backend(), tf.get_logger().level, {}
    pyplot.switch_backend("agg")
    try:
        for number, cell in enumerate(cells(name, "code")):
            exec(compile("".join(cell["source"]), f"{name}.ipynb, code cell {number}", "exec"), made)
    finally:
        pyplot.close("all")
        pyplot.switch_backend(backend)
        tf.get_logger().setLevel(level)
    return made


def printed(name, folder, *arguments):
    """What a script prints, as lines."""
    done = subprocess.run(
        [*commands.python(), str(FOLDER / f"{name}.py"), *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(commands.ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def numbers(line):
    return [float(found) for found in re.findall(r"\d\.\d{3}\b", line)]


def test_the_page_names_all_examples():
    assert {path.name for path in [*NOTEBOOKS, *SCRIPTS]} == set(re.findall(r"examples/(\w+\.(?:ipynb|py))", PAGE))
    assert len(NOTEBOOKS) == 2 and len(SCRIPTS) == 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=stem)
def test_notebooks_are_stored_without_outputs(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells(path.stem, "code"))
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(cell["cell_type"] in ("code", "markdown") and cell["metadata"] == {} for cell in notebook["cells"])


@pytest.mark.parametrize("path", [*NOTEBOOKS, *SCRIPTS], ids=stem)
def test_examples_say_what_they_need_cost_and_show(path):
    is_script = path.suffix == ".py"
    text = (
        ast.get_docstring(ast.parse(path.read_text()))
        if is_script
        else "".join(cells(path.stem, "markdown")[0]["source"])
    )
    for word in ("Needs", "Costs", "Should show"):
        assert re.search(rf"^(- \*\*)?{word}(\*\*)?: ", text, re.MULTILINE), word


@pytest.mark.slow
def test_a_pair_learns_from_arrays_and_its_speaker_is_saved(tmp_path, monkeypatch):
    made = executed("pair_from_arrays", tmp_path, monkeypatch)
    history = made["trainer"].history
    assert [row["step"] for row in history] == list(range(100, 2001, 100))
    assert np.isfinite([[*row.values()] for row in history]).all()
    assert made["messages"].shape == (500, 6) and 0 <= made["messages"].min() <= made["messages"].max() < 10
    accuracies = [row["accuracy"] for row in made["rows"]]
    assert 1 >= accuracies[0] > accuracies[2] > 3 / 16
    assert accuracies[0] > 0.6  # Another processor rounds otherwise; chance is 0.06.
    assert made["same"] is True and (tmp_path / "speaker.keras").stat().st_size > 0
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["1.png", "2.png"]


@pytest.mark.slow
def test_the_language_that_met_noise_stands_it_better(tmp_path, monkeypatch):
    made = executed("analysing_a_language", tmp_path, monkeypatch)
    without, with_noise = made["accuracy"].values()
    assert all(0 <= value <= 1 for value in (*without, *with_noise))
    assert without[0] > with_noise[0] and without[2] < with_noise[2]
    for counted in made["use"].values():
        assert counted.counts.shape == (6, 12) and (counted.counts.sum(axis=1) == 359).all()
        assert ((counted.entropy >= 0) & (counted.entropy <= np.log(12))).all()
    for values in made["table"].values():
        assert 1 <= values["unique_messages"] <= 359 and values["message_entropy"] <= np.log(359)
        assert abs(values["the same, shuffled"]) < 0.05 < values["topographic_similarity"] <= 1
    assert made["distances"][made["same"]].mean() < made["distances"][~made["same"]].mean()
    assert 0 < made["between"] <= 1
    assert len(list(tmp_path.glob("*.png"))) == 3


@pytest.mark.processes
def test_own_channel_is_trained_and_tested(tmp_path):
    head, *lines = printed("own_channel", tmp_path, "--steps=20")
    assert head.split()[-4:] == ["no", "noise", "Erasure", "BreakOff"]
    assert [line.split()[:3] for line in lines] == [["trained", "with", name] for name in ("Erasure", "BreakOff")]
    assert all(len(numbers(line)) == 3 and 0 <= min(numbers(line)) <= max(numbers(line)) <= 1 for line in lines)


def test_a_message_that_breaks_off_loses_its_end():
    spec = importlib.util.spec_from_file_location("own_channel", FOLDER / "own_channel.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sent = np.random.default_rng(0).integers(0, 5, (2000, 4)).astype(np.int32)
    stream = ec.Stream(tf.constant([1, 2]), tf.constant(0), len(sent), len(sent))

    def arrived(probability):
        return module.BreakOff(probability)(ec.Message(tf.constant(sent)), 5, tf.constant(0), stream).symbols.numpy()

    np.testing.assert_array_equal(arrived(0.0), sent)
    for probability in (0.5, 1.0):
        lost = arrived(probability) == 5
        assert (np.diff(lost.astype(int), axis=1) >= 0).all()  # Once lost, lost to the end.
        np.testing.assert_array_equal(arrived(probability)[~lost], sent[~lost])
        # Position t of T = 4 is lost with probability · (t + 1) / 4; the bound is four standard errors of 2,000 draws.
        np.testing.assert_allclose(lost.mean(axis=0), probability * np.arange(1, 5) / 4, atol=0.045)


@pytest.mark.processes
def test_several_seeds_give_means_and_deviations(tmp_path):
    head, _, *lines = printed("several_seeds", tmp_path, "--steps=20", "--seeds=2")
    assert head.endswith("of 2 seeds")
    assert [line.split()[2] for line in lines] == ["Clear", "Erasure"]
    for line in lines:
        found = numbers(line)
        assert len(found) == 6 and line.count("±") == 3
        assert all(0 <= number <= 1 for number in found)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a small run that was trained and tested, and whose file of metrics ends in the middle of a line."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    for command, more in {
        "train": ["--gin_file=gin/nlg_digits.gin", *(f"--gin_param={param}" for param in commands.TINY)],
        "evaluate": ["--mode=testchannel", "--gin_param=TestChannel.candidates=(4, 16)"],
    }.items():
        done = commands.start(command, f"--workdir={folder}", *more)
        assert done.returncode == 0, done.stderr
    with open(folder / "metrics.jsonl", "a") as file:
        file.write('{"step": 6, "accur')
    return folder


@pytest.mark.processes
def test_results_are_read_from_the_folders_of_runs(run, tmp_path):
    lines = printed("read_results", tmp_path, run, "--out=made")
    with open(tmp_path / "made" / "results.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(lines)
    logged = json.loads((run / "metrics.jsonl").read_text().splitlines()[-2])
    assert (logged["step"], table[0]["mode"], table[0]["step"]) == (4, "train", "4")
    assert float(table[0]["value"]) == logged["accuracy"]
    tested = [json.loads(line) for line in (run / "eval" / "testchannel.jsonl").read_text().splitlines()]
    assert len(tested) == 8
    assert [float(row["value"]) for row in table[1:]] == [row["accuracy"] for row in tested]
    for row, cell in zip(table[1:], tested, strict=True):
        assert f"candidates={cell['candidates']} noise={cell['noise']}" in row["condition"]
    assert (tmp_path / "made" / "learning_curves.png").read_bytes().startswith(b"\x89PNG")


def test_reading_results_needs_no_tensorflow():
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse((FOLDER / "read_results.py").read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
    }
    assert imported <= {*sys.stdlib_module_names, "numpy", "matplotlib"}
