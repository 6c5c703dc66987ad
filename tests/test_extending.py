"""What docs/extending.md shows runs as it stands there, outside the package."""

import json
import re
import shlex
import subprocess

import pytest

from tests import commands

PAGE = (commands.ROOT / "docs" / "extending.md").read_text()
# Small agents, so that starting takes longer than training.
SMALL = ["--gin_param=speaker/LstmCore.units=8", "--gin_param=listener/LstmCore.units=8"]


def files():
    """Path → text of every file that the page shows."""
    return dict(re.findall(r"^`([\w./]+)`\n\n```(?:python)?\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))


def shown_commands():
    """The page's commands, each as a list of words without `tf-emcom` in front."""
    return [shlex.split(line)[1:] for line in PAGE.splitlines() if line.startswith("tf-emcom ")]


def run(words, folder):
    command, *arguments = words
    arguments += SMALL if command == "train" else []
    done = subprocess.run(
        [*commands.python(), str(commands.ROOT / "bin" / command), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder with the page's files, and what its commands have printed there."""
    folder = tmp_path_factory.mktemp("lab")
    for path, text in files().items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    return folder, [run(words, folder) for words in shown_commands()]


def test_page_shows_three_parts_and_uses_them():
    assert list(files()) == ["my_lab/channels.py", "my_lab/data.py", "my_lab/measures.py", "circle.gin"]
    assert [words[0] for words in shown_commands()] == ["train", "evaluate", "evaluate"]


@pytest.mark.processes
def test_training_uses_channel_and_data_set(lab):
    folder, printed = lab
    assert "on 2,000 examples of circle" in printed[0]
    lines = [json.loads(line) for line in (folder / "runs/circle/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [10, 20]
    assert lines[-1]["noise"] == 0.25


def test_tests_give_the_channel_a_noise_of_their_own(lab):
    rows = [json.loads(line) for line in (lab[0] / "runs/circle/eval/testchannel.jsonl").read_text().splitlines()]
    assert {row["channel"] for row in rows} == {"Swap"} and len({row["noise"] for row in rows}) > 1


def test_measure_is_in_the_results(lab):
    rows = [json.loads(line) for line in (lab[0] / "runs/circle/eval/testlanguage.jsonl").read_text().splitlines()]
    assert [1 <= row["value"] <= 10 for row in rows if row.get("measure") == "distinct_symbols"] == [True]


@pytest.mark.processes
def test_a_run_that_imports_modules_is_refused_unless_they_are_allowed(lab):
    words = [word for word in shown_commands()[1] if not word.startswith("--allow_imports")]
    with pytest.raises(AssertionError, match="may not import my_lab.channels.*--allow_imports=my_lab"):
        run(words, lab[0])


def test_swapped_symbols_are_those_of_a_pair(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = {}
    exec(compile(files()["my_lab/channels.py"], "channels.py", "exec"), found)
    symbols = [[0, 1, 2, 3, 4]]
    always = found["Swap"](1.0)(found["Message"](found["tf"].constant(symbols)), 5, 0, Ones())
    assert always.symbols.numpy().tolist() == [[1, 0, 3, 2, 4]]
    never = found["Swap"](0.0)(found["Message"](found["tf"].constant(symbols)), 5, 0, Ones())
    assert never.symbols.numpy().tolist() == symbols


class Ones:
    """A stream whose draws are all just below the middle."""

    def uniform(self, *shape):
        import tensorflow as tf

        return tf.fill([1, *shape], 0.49)
