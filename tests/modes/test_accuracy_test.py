import json
import math
import shutil
from pathlib import Path

import pytest
from matplotlib.image import imread

from tests import commands
from tests.modes import meanings
from tf_emcom import command
from tf_emcom.errors import UserError
from tf_emcom.metrics.success_rate import SuccessRate
from tf_emcom.modes.test_channel import TestChannel
from tf_emcom.modes.test_input import TestInput
from tf_emcom.modes.test_message import TestMessage
from tf_emcom.runtime.run_folder import RunFolder

MODES = {"testchannel": TestChannel, "testinput": TestInput, "testmessage": TestMessage}
GRID = {"candidates": (4, 64, 16), "passes": 2}
SHARED = ["mode", "step", "split", "candidates", "speaker", "listener", "accuracy", "interval", "games", "seed"]
OWN = {
    "testchannel": ["noise"],
    "testinput": ["noise", "input_noise"],
    "testmessage": ["erased", "position_sets", "accuracies"],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """An experiment with 60 examples, and its run's folder with the results of all three modes."""
    experiment, folder = meanings.untrained_run(tmp_path_factory.mktemp("runs") / "run", meanings.Meanings())
    for mode in MODES.values():
        mode(**GRID).run(experiment, folder)
    return experiment, folder


@pytest.fixture(scope="module", params=MODES)
def tested(run, request):
    return request.param, meanings.results(run[1], request.param)


def cells(rows, **labels):
    return [row for row in rows if all(row[name] == value for name, value in labels.items())]


def test_every_row_says_what_was_measured(tested):
    mode, rows = tested
    for row in rows:
        told = ["accuracy_lost"] if row.get("erased") == 1 else []
        assert sorted(row) == sorted([*SHARED, *OWN[mode], *told])
        assert (row["mode"], row["step"], row["split"], row["seed"]) == (mode, meanings.STEP, "test", 42)
        assert (row["speaker"], row["listener"]) == (0, 0)


def test_every_row_has_its_games_and_their_interval(tested):
    _, rows = tested
    for row in rows:
        sets = len(row.get("position_sets", [None]))
        assert row["games"] == sets * 2 * (60 // row["candidates"]) * row["candidates"]
        rate = SuccessRate(round(row["accuracy"] * row["games"]), row["games"])
        assert row["accuracy"] == rate.accuracy
        assert row["interval"] == list(rate.interval)


def test_candidates_that_the_split_has_not_are_skipped(tested):
    _, rows = tested
    assert list(dict.fromkeys(row["candidates"] for row in rows)) == [4, 16]


def test_no_number_of_candidates_in_the_split_is_a_mistake(run):
    with pytest.raises(UserError, match="larger than the test split, which has 60 examples; set TestInput.candidates"):
        TestInput(candidates=(61, 100)).run(*run)


def test_without_input_noise_accuracies_are_those_of_testchannel(run):
    channel, message, noisy = (meanings.results(run[1], mode) for mode in ("testchannel", "testmessage", "testinput"))
    for row in channel:
        (same,) = cells(noisy, candidates=row["candidates"], noise=row["noise"], input_noise=0.0)
        assert same["accuracy"] == row["accuracy"]
    for row in cells(channel, noise=0.0):
        (same,) = cells(message, candidates=row["candidates"], erased=0)
        assert same["accuracy"] == row["accuracy"]


def again(run, mode, path, **changed):
    """A folder with the results of the same agents once more."""
    folder = RunFolder(str(path))
    MODES[mode](**{**GRID, **changed}, checkpoint=run[1].path).run(run[0], folder)
    return folder


def test_two_evaluations_write_the_same_bytes_and_print_the_same_table(run, tested, tmp_path, capsys):
    mode, rows = tested
    folder = again(run, mode, tmp_path)
    for path in (f"eval/{mode}.jsonl", f"figures/{mode}.png"):
        assert (tmp_path / path).read_bytes() == Path(run[1].path, path).read_bytes()
    skipped, head, *lines, last = capsys.readouterr().out.splitlines()
    assert skipped == "Skipped 64 candidates: the test split has 60 examples."
    assert head.startswith("candidates")
    assert f"step 3; 2 passes; 95 % intervals in {folder.path}/eval/{mode}.jsonl" in last
    down = 2 if mode == "testinput" else 1
    table = {tuple(line.split()[:down]): line.split()[down:] for line in lines}
    assert sum(map(len, table.values())) == len(rows)
    for row in rows:
        place = tuple(f"{row[name]:g}" for name in ("candidates", "noise")[:down])
        assert f"{row['accuracy']:.3f}" in table[place]


def test_another_seed_gives_other_numbers_and_another_picture(run, tmp_path):
    again(run, "testchannel", tmp_path, seed=1)
    for path in ("eval/testchannel.jsonl", "figures/testchannel.png"):
        assert (tmp_path / path).read_bytes() != Path(run[1].path, path).read_bytes()


def test_the_picture_is_a_png(run, tested):
    height, width = imread(run[1].figure(tested[0])).shape[:2]
    assert 300 < height < 1000 and 300 < width < 3000


def test_accuracy_is_that_of_chance_where_nothing_arrives(run):
    # The listener hears one and the same message, and takes one and the same candidate of a group.
    for row in cells(meanings.results(run[1], "testmessage"), erased=4):
        assert row["accuracy"] == pytest.approx(1 / row["candidates"], abs=1e-12)


def test_all_modes_run_from_nothing_but_a_runs_folder(tmp_path):
    run, moved = tmp_path / "run", tmp_path / "moved"
    command.run([str(commands.ROOT / "gin" / "nlg_digits.gin")], [*commands.TINY], str(run))
    shutil.move(run, moved)
    small = [f"{mode.__name__}.{text}" for mode in MODES.values() for text in ("passes=1", "candidates=(16,)")]
    for mode in MODES:
        command.evaluate(str(moved), [mode], [text for text in small if text.startswith(MODES[mode].__name__)])
        rows = [json.loads(line) for line in (moved / "eval" / f"{mode}.jsonl").read_text().splitlines()]
        assert {row["step"] for row in rows} == {4}
        assert all(math.isfinite(row["accuracy"]) for row in rows)
        assert (moved / "figures" / f"{mode}.png").exists()


def test_a_run_without_a_checkpoint_is_told(run, tmp_path):
    with pytest.raises(UserError, match="no checkpoint"):
        TestMessage(checkpoint=str(tmp_path)).run(*run)


BAD = [
    {"candidates": 16},
    {"candidates": ()},
    {"candidates": (1,)},
    {"candidates": ([16],)},
    {"candidates": (16.5,)},
    {"passes": 0},
    {"passes": True},
    {"seed": -1},
]
OWN_BAD = {
    TestChannel: [{"noises": ()}, {"noises": 0.5}, {"noises": (1.5,)}, {"noises": ("0.5",)}],
    TestInput: [{"coefficients": ()}, {"coefficients": 1.0}, {"coefficients": (-0.5,)}, {"noises": (-0.1,)}],
    TestMessage: [{"erased": ()}, {"erased": 3}, {"erased": (-1,)}, {"erased": (0.5,)}, {"sets": 0}],
}


@pytest.mark.parametrize(("mode", "bad"), [(m, b) for m, own in OWN_BAD.items() for b in (*BAD, *own)], ids=str)
def test_a_bad_grid_is_refused(mode, bad):
    with pytest.raises(UserError, match=f"^{mode.__name__}.{next(iter(bad))} is "):
        mode(**bad)
