import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.image import imread

from tests import commands
from tests.evaluation.tests import meanings
from tf_emcom import cli
from tf_emcom.data.pipeline import Order
from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.success import SuccessRate, design_effect
from tf_emcom.evaluation.tests.accuracy_test import TestChannel, TestInput
from tf_emcom.evaluation.tests.test_message import TestMessage
from tf_emcom.files import read_json_lines
from tf_emcom.games.channels import Channel, FixedErasure, Substitution
from tf_emcom.runtime.checkpoints import Checkpoints
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.types import Candidates, Message

MODES = {"testchannel": TestChannel, "testinput": TestInput, "testmessage": TestMessage}
GRID = {"candidates": (4, 64, 16), "passes": 2}
SHARED = ["mode", "step", "split", "channel", "candidates", "speaker", "listener", "accuracy", "interval"]
SHARED += ["games", "inputs", "seed", "whole", "weights"]
OWN = {
    "testchannel": ["noise"],
    "testinput": ["noise", "input_noise", "views"],
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


@pytest.mark.slow
def test_every_row_says_what_was_measured(tested):
    mode, rows = tested
    for row in rows:
        lost = ["accuracy_lost"] if row.get("erased") == 1 else []
        assert sorted(row) == sorted([*SHARED, *OWN[mode], *lost])
        assert (row["mode"], row["step"], row["split"], row["seed"]) == (mode, meanings.STEP, "test", 42)
        assert (row["speaker"], row["listener"], row["whole"]) == (0, 0, True)
        # The run's channel is clear.
        assert row["channel"] == ("FixedErasure" if mode == "testmessage" else "Erasure")


def test_every_row_has_its_games_and_their_interval(tested):
    _, rows = tested
    for row in rows:
        sets = len(row.get("position_sets", [None]))
        assert row["games"] == sets * 2 * (60 // row["candidates"]) * row["candidates"]
        rate = SuccessRate(round(row["accuracy"] * row["games"]), row["games"])
        assert row["accuracy"] == rate.accuracy
        # Two passes of 60 drop other inputs each, if 60 are no multiple.
        assert 60 // row["candidates"] * row["candidates"] <= row["inputs"] <= 60
        low, high = rate.interval
        assert row["interval"][0] <= low + 1e-12 and high - 1e-12 <= row["interval"][1]


@pytest.mark.slow
def test_intervals_are_those_of_inputs_whose_games_are_pooled(run, tmp_path):
    # One pass of four candidates plays each of the 60 inputs once; sets of positions play them again.
    folder = RunFolder(str(tmp_path))
    experiment, tested = run
    settings = {"candidates": (4,), "passes": 1, "checkpoint": tested.path}
    TestChannel(noises=(0.0,), **settings).run(experiment, folder)
    (once,) = meanings.results(folder, "testchannel")
    assert (once["games"], once["inputs"]) == (60, 60)
    assert once["interval"] == pytest.approx(SuccessRate(once["accuracy"] * 60, 60).interval, abs=1e-12)
    TestMessage(erased=(2,), sets=6, **settings).run(experiment, folder)
    (pooled,) = meanings.results(folder, "testmessage")
    won = np.zeros(60)
    for positions in pooled["position_sets"]:
        won += successes_by_input(experiment, positions)
    assert won.sum() == pooled["accuracy"] * 360
    expected = SuccessRate(won.sum(), 360, float(design_effect(won, np.full(60, 6)))).interval
    assert pooled["interval"] == pytest.approx(expected, abs=1e-12)
    assert expected != pytest.approx(SuccessRate(won.sum(), 360).interval, abs=1e-3)


def successes_by_input(experiment, positions):
    """Which inputs are found in the groups of four of the first pass, [60]."""
    inputs, learner = experiment.data.examples.inputs, experiment.learner
    order, found = Order(60, 4, 42, "test"), np.zeros(60)
    for group in map(order.indices, range(15)):
        symbols = learner.speaker.greedy(inputs[group]).symbols.numpy()
        symbols[:, positions] = learner.speaker.vocab_size
        shown = Candidates(tf.constant(inputs[group]), None, None)
        found[group] = learner.listener.scores(Message(tf.constant(symbols)), shown).numpy().argmax(axis=1) == range(4)
    return found


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


@pytest.mark.slow
def test_two_evaluations_write_the_same_bytes_and_print_the_same_table(run, tested, tmp_path, capsys):
    mode, rows = tested
    folder = again(run, mode, tmp_path)
    for path in (f"eval/{mode}.jsonl", f"figures/{mode}.png"):
        assert (tmp_path / path).read_bytes() == Path(run[1].path, path).read_bytes()
    skipped, head, *lines, last = capsys.readouterr().out.splitlines()
    assert skipped == "Skipped 64 candidates: the test split has 60 examples."
    assert head.startswith("candidates")
    how = "FixedErasure" if mode == "testmessage" else "Erasure; 2 views" if mode == "testinput" else "Erasure"
    assert f"step 3; 2 passes; {how}; 95 % intervals in {folder.path}/eval/{mode}.jsonl" in last
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


@pytest.mark.slow
def test_accuracy_is_that_of_chance_where_nothing_arrives(run):
    # The listener hears one and the same message, and takes one and the same candidate of a group.
    for row in cells(meanings.results(run[1], "testmessage"), erased=4):
        assert row["accuracy"] == pytest.approx(1 / row["candidates"], abs=1e-12)


@pytest.mark.slow
def test_all_modes_run_from_nothing_but_a_runs_folder(tmp_path):
    run, moved = tmp_path / "run", tmp_path / "moved"
    cli.run([str(commands.ROOT / "gin" / "nlg_digits.gin")], [*commands.TINY], str(run))
    shutil.move(run, moved)
    small = [f"{mode.__name__}.{text}" for mode in MODES.values() for text in ("passes=1", "candidates=(16,)")]
    for mode in MODES:
        cli.evaluate(str(moved), [mode], [text for text in small if text.startswith(MODES[mode].__name__)])
        rows = read_json_lines(str(moved / "eval" / f"{mode}.jsonl"), "")
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


class Deletion(Channel):
    """An own channel, as its author writes it: lost symbols close ranks, and the rest is UNK."""

    def __init__(self, probability):
        self.probability = probability

    def __call__(self, message, vocab_size, step, stream):
        lost = stream.uniform(message.symbols.shape[1]) < self.noise(step)
        order = tf.argsort(tf.cast(lost, tf.int32), axis=1, stable=True)
        symbols = tf.where(lost, vocab_size, message.symbols)
        return Message(tf.gather(symbols, order, axis=1, batch_dims=1))

    def noise(self, step):
        return tf.convert_to_tensor(self.probability, tf.float32)


class Renamed(Deletion):
    """One whose noise is something else."""

    def __init__(self, share):
        self.share = share

    def noise(self, step):
        return tf.convert_to_tensor(self.share, tf.float32)


class Told(Renamed):
    """The same with the one method that it needs."""

    def with_noise(self, noise):
        return Told(noise)


class Deaf(Deletion):
    """One that does not say the noise that it has."""

    def noise(self, step):
        return tf.constant(0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trained", "name"),
    [(Substitution(0.3), "Substitution"), (Deletion(0.3), "Deletion"), (Told(0.3), "Told"), (None, "Erasure")],
)
def test_tests_play_with_the_channel_of_the_training_and_say_so(trained, name, run, tmp_path, capsys):
    experiment, folder = run[0], RunFolder(str(tmp_path))
    clear = experiment.game.channel
    experiment.game.channel = trained or FixedErasure((1,))
    try:
        grid = {"candidates": (4,), "passes": 1, "checkpoint": run[1].path}
        TestChannel(noises=(0.0, 0.75, 1.0), **grid).run(experiment, folder)
    finally:
        experiment.game.channel = clear
    assert f"1 pass; {name}; " in capsys.readouterr().out
    rows = meanings.results(folder, "testchannel")
    assert [(row["channel"], row["noise"]) for row in rows] == [(name, 0.0), (name, 0.75), (name, 1.0)]
    (same,) = cells(meanings.results(run[1], "testchannel"), candidates=4, noise=0.0)
    # Without noise all channels are one; that run has two passes, of which this is the first.
    assert abs(rows[0]["accuracy"] - same["accuracy"]) < 0.2
    # One candidate a group is taken where nothing at all arrives.
    assert name == "Substitution" or rows[2]["accuracy"] == 0.25


def test_a_channel_that_is_bound_is_tested(run, tmp_path):
    folder = again(run, "testchannel", tmp_path, channel=Substitution(0.1), noises=(0.5,))
    assert {row["channel"] for row in meanings.results(folder, "testchannel")} == {"Substitution"}


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        (0.5, "TestChannel.channel is 0.5, but it has to be an object of a Channel"),
        (Renamed(0.5), "Renamed has no attribute probability, .* write a method Renamed.with_noise"),
        (Deaf(0.5), "Deaf.with_noise.0.5. has another noise than 0.5"),
    ],
)
def test_a_channel_whose_noise_cannot_be_set_is_refused(chosen, sentence):
    with pytest.raises(UserError, match=sentence):
        TestChannel(channel=chosen).channel_under_test(Substitution(0.1))


def test_agents_whose_weights_are_not_finite_are_not_tested(tmp_path):
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings())
    experiment.learner.speaker.trainable_variables[0].assign(
        tf.fill(experiment.learner.speaker.trainable_variables[0].shape, float("nan"))
    )
    Checkpoints(folder.checkpoints, experiment.learner).save(meanings.STEP + 1)
    with pytest.raises(UserError, match="The agents of step 4 in .* have weights that are NaN or infinite"):
        TestChannel(**GRID).run(experiment, folder)
