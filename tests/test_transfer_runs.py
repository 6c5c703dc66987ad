"""Transfer runs from the command to the files: what is kept, what is refused, and that the speaker stays as it was."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests import commands, feature_folders
from tf_emcom import cli
from tf_emcom.errors import UserError
from tf_emcom.files import read_json_lines

GIN = commands.ROOT / "gin"
ETL = str(GIN / "etl_digits.gin")
TINY = ("listener/LstmCore.units=8", "MultiMlp.size=8", "Cpc.size=8", "DotProduct.size=8")
STEPS = ("steps=4", "Log.every=2", "Checkpoint.every=2", "games=16", "games_of_many=32")
SMALL_IMAGES = ("ImageDecoder.first_channels=4", "ImageDecoder.channels=(4,)")
TASKS = ("discriminationdist", "discrimination", "classification", "reconstruction")


def transfer(run, speaker, *params, task="classification", gin_file=ETL, mode="train", **flags):
    given = [*TINY, *STEPS, *SMALL_IMAGES, f"checkpoint={str(speaker)!r}", f"mode={mode!r}", *params]
    cli.run([gin_file, str(GIN / "tasks" / f"{task}.gin")], given, str(run), **flags, allow_unused=True)


def weights(run, agent):
    """The weights of an agent in a run's newest checkpoint, by position."""
    path = max((run / "checkpoints").glob("ckpt-*.index"), key=lambda p: int(p.stem[5:])).with_suffix("")
    reader = tf.train.load_checkpoint(str(path))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith(f"{agent}/weights/")]
    return {name: reader.get_tensor(name) for name in names if name.endswith("VARIABLE_VALUE")}


def lines(path):
    return read_json_lines(str(path), "")


@pytest.fixture(scope="module")
def speaker(tmp_path_factory):
    """A trained run; nobody writes to it."""
    run = tmp_path_factory.mktemp("runs") / "speaker"
    cli.run([str(GIN / "nlg_digits.gin")], [*commands.TINY, "vocab_size=7", "message_length=3"], str(run))
    return run


@pytest.fixture(scope="module")
def done(speaker, tmp_path_factory):
    """A finished transfer run."""
    run = tmp_path_factory.mktemp("runs") / "transfer"
    transfer(run, speaker)
    return run


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_every_task_trains_and_is_tested_and_the_speaker_stays_bit_identical(task, speaker, tmp_path, capsys):
    before, run = weights(speaker, "speaker"), tmp_path / "run"
    transfer(run, speaker, task=task)
    after = weights(run, "speaker")
    assert before.keys() == after.keys() and len(before) > 5
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)
    cli.evaluate(str(run), [], ["Test.candidates=[16]", "Test.passes=1"])
    rows = lines(run / "eval" / "test.jsonl")
    assert [row["noise"] for row in rows] == [0.0, 0.25, 0.5, 0.75]
    assert {row["task"] for row in rows} == {task}
    measured = "loss" if task == "reconstruction" else "accuracy"
    for row in rows:
        low, high = row["intervals"][measured]
        assert low <= row[measured] <= high
        assert row["games"] == (359 // 16 * 16 if "discrimination" in task else 359)
    assert ("candidates" in rows[0]) == ("discrimination" in task)
    assert (run / "figures" / "test.png").exists() == (task == "reconstruction")
    assert "without message" in capsys.readouterr().out


def test_the_curve_and_its_area_are_written_and_drawn(done):
    metrics, curve = lines(done / "metrics.jsonl"), lines(done / "eval" / "ease_of_learning.jsonl")
    assert [(row["step"], row["accuracy"]) for row in curve] == [(row["step"], row["accuracy"]) for row in metrics]
    # Both lines stand for two steps, so the area is their mean.
    assert curve[-1]["area"] == pytest.approx(np.mean([row["accuracy"] for row in metrics]))
    assert (done / "figures" / "ease_of_learning.png").stat().st_size > 1000


@pytest.mark.slow
def test_the_run_needs_nobody_elses_folder_any_more(speaker, done, tmp_path):
    lost, run = shutil.copytree(speaker, tmp_path / "lost"), tmp_path / "run"
    transfer(run, lost)
    shutil.rmtree(lost)
    transfer(run, lost)  # It is trained: nothing is left to do.
    cli.evaluate(str(run), [], ["Test.passes=1"])
    cli.evaluate(str(done), [], ["Test.passes=1"])
    assert (run / "eval" / "test.jsonl").read_bytes() == (done / "eval" / "test.jsonl").read_bytes()


def test_a_run_that_goes_on_is_the_run_that_never_stopped(speaker, done, tmp_path):
    run = shutil.copytree(done, tmp_path / "run")
    for part in (run / "checkpoints").glob("ckpt-4.*"):
        part.unlink()
    transfer(run, speaker)
    for agent in ("listener", "speaker", "listener_optimizer"):
        for name, value in weights(done, agent).items():
            np.testing.assert_array_equal(weights(run, agent)[name], value, err_msg=name)
    kept = ("step", "accuracy", "top5", "loss")
    assert [[row[k] for k in kept] for row in lines(run / "metrics.jsonl")] == [
        [row[k] for k in kept] for row in lines(done / "metrics.jsonl")
    ]


def test_a_lost_or_empty_configuration_of_the_speaker_is_named(done, tmp_path):
    run = shutil.copytree(done, tmp_path / "run")
    (run / "speaker.gin").write_text("")
    with pytest.raises(UserError, match="run/speaker.gin names no speaker; copy the file again"):
        cli.evaluate(str(run), [], [])
    (run / "speaker.gin").unlink()
    with pytest.raises(UserError, match="run/speaker.gin, which describes the speaker of a transfer run, is missing"):
        cli.evaluate(str(run), [], [])


def test_testing_twice_gives_the_same_bytes(done, tmp_path):
    run = shutil.copytree(done, tmp_path / "run")
    files = []
    for _ in range(2):
        cli.evaluate(str(run), ["test"], [])
        files.append((run / "eval" / "test.jsonl").read_bytes())
    assert files[0] == files[1]


def test_a_new_listener_of_another_size_still_learns_from_the_runs_speaker(speaker, tmp_path):
    # The sizes of the speaker come from its run, whatever this command says about the core of agents.
    transfer(tmp_path / "run", speaker, "listener/LstmCore.units=5")
    assert "speaker/LstmCore.units = 8" in (tmp_path / "run" / "speaker.gin").read_text()
    assert "vocab_size = 7" in (tmp_path / "run" / "speaker.gin").read_text()


@pytest.mark.slow
def test_a_run_that_started_from_anothers_weights_is_tested_itself(speaker, tmp_path):
    params = [*commands.TINY, "vocab_size=7", "message_length=3", "steps=6", f"checkpoint={str(speaker)!r}"]
    cli.run([str(GIN / "nlg_digits.gin")], params, str(tmp_path / "run"))
    cli.evaluate(str(tmp_path / "run"), ["testtopsim"], [])
    assert {row["step"] for row in lines(tmp_path / "run" / "eval" / "testtopsim.jsonl")} == {6}
    cli.evaluate(str(tmp_path / "run"), ["testtopsim"], [f"checkpoint={str(speaker)!r}"])
    # Rows of the run's own step are kept.
    assert [row["step"] for row in lines(tmp_path / "run" / "eval" / "testtopsim.jsonl")] == [6, 4]


def test_the_speakers_folder_may_be_spelt_in_any_way(speaker, done, tmp_path, monkeypatch):
    run = shutil.copytree(done, tmp_path / "run")
    monkeypatch.chdir(speaker.parent)
    transfer(run, "speaker")
    transfer(run, f"{speaker.parent}/./speaker/")


def test_passes_that_would_be_the_same_games_are_not_counted(done, tmp_path):
    run = shutil.copytree(done, tmp_path / "run")
    cli.evaluate(str(run), [], ["Test.passes=3"])
    assert [row["games"] for row in lines(run / "eval" / "test.jsonl")] == [359, 3 * 359, 3 * 359, 3 * 359]


@pytest.mark.slow
def test_a_transfer_run_lends_its_speaker_like_any_other(done, tmp_path):
    transfer(tmp_path / "run", done)
    for name, value in weights(done, "speaker").items():
        np.testing.assert_array_equal(weights(tmp_path / "run", "speaker")[name], value)


@pytest.mark.slow
def test_two_replicas_learn_what_one_learns(speaker, done, tmp_path):
    transfer(tmp_path / "run", speaker, strategy="mirrored")
    for name, value in weights(done, "listener").items():
        np.testing.assert_allclose(weights(tmp_path / "run", "listener")[name], value, atol=1e-5, err_msg=name)


@pytest.mark.slow
def test_input_noise_gives_the_same_to_two_replicas(speaker, tmp_path):
    for strategy in ("one_device", "mirrored"):
        transfer(tmp_path / strategy, speaker, task="discriminationdist", strategy=strategy)
    for name, value in weights(tmp_path / "one_device", "listener").items():
        np.testing.assert_allclose(weights(tmp_path / "mirrored", "listener")[name], value, atol=1e-5, err_msg=name)


REFUSED = {
    "no checkpoint": (["checkpoint=''"], "needs a trained speaker; bind checkpoint"),
    "no run": (["checkpoint='/nowhere/at/all'"], "no run in /nowhere/at/all"),
    "vocabulary": (["vocab_size=8"], "vocab_size is 8, but the speaker of the restored run has 7"),
    "length": (["message_length=5"], "message_length is 5, but the speaker of the restored run has 3"),
    "too few classes": (["Classification.classes=9"], "values from 0 to 9, but Classification has 9 classes"),
    "game's task": (["task=@Discrimination()"], "TransferGame.task is .*TransferTask"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence_and_leaves_nothing_trained(case, speaker, tmp_path):
    params, sentence = REFUSED[case]
    with pytest.raises(UserError, match=sentence) as error:
        transfer(tmp_path / "run", speaker, *params)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_another_number_of_features_is_refused(speaker, tmp_path):
    with pytest.raises(UserError, match=r"speaker in the checkpoint .* other sizes .*64.*512.*as many features"):
        transfer(tmp_path / "run", speaker, gin_file=str(GIN / "etl_shapes.gin"))


def test_a_task_without_its_labels_in_the_data_set_is_refused(speaker, tmp_path):
    with pytest.raises(UserError, match="digits has no label 'attributes', only image, label"):
        transfer(tmp_path / "run", speaker, task="attribute")


def damage(run, checkpoints, how):
    for part in (run / "checkpoints").glob(checkpoints):
        content = part.read_bytes()
        part.write_bytes(content[: len(content) // 2] if how == "cut" else b"\x00" * len(content))


@pytest.mark.parametrize("how", ["cut", "garbled"])
def test_of_a_speakers_checkpoints_the_newest_whole_one_is_used(speaker, tmp_path, how, capsys):
    copy = shutil.copytree(speaker, tmp_path / "copy")
    damage(copy, "ckpt-4.*", how)
    transfer(tmp_path / "run", copy)
    assert "ckpt-4 (" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["cut", "garbled"])
def test_a_speaker_all_of_whose_checkpoints_are_damaged_is_refused(speaker, tmp_path, how):
    copy = shutil.copytree(speaker, tmp_path / "copy")
    damage(copy, "ckpt-*", how)
    with pytest.raises(UserError, match="all checkpoints are damaged: ckpt-4 ") as error:
        transfer(tmp_path / "run", copy)
    assert "\n" not in str(error.value)


def test_a_checkpoint_of_another_architecture_is_refused(speaker, tmp_path):
    copy = shutil.copytree(speaker, tmp_path / "copy")
    config = copy / "config.gin"
    text = config.read_text().partition("\n")[2]
    config.write_text(text.replace("speaker/LstmCore.units = 8", "speaker/LstmCore.units = 9"))
    with pytest.raises(UserError, match="other sizes than were built"):
        transfer(tmp_path / "run", copy)


def test_a_checkpoint_that_does_not_fit_is_named_by_the_folder_it_lies_in(speaker, tmp_path):
    copy = shutil.copytree(speaker, tmp_path / "copy")
    (copy / "checkpoints").rename(copy / "best")
    config = copy / "config.gin"
    text = config.read_text().partition("\n")[2]
    config.write_text(text.replace("speaker/LstmCore.units = 8", "speaker/LstmCore.units = 9"))
    with pytest.raises(UserError, match=f"{copy}/best/ckpt-4 has other sizes"):
        transfer(tmp_path / "run", copy, "TrainedSpeaker.which='4'")


def test_another_speaker_in_the_same_folder_is_refused(speaker, done, tmp_path):
    run = shutil.copytree(done, tmp_path / "run")
    other = shutil.copytree(speaker, tmp_path / "other")
    with pytest.raises(UserError, match="another configuration .checkpoint = "):
        transfer(run, other)


def test_tests_of_games_and_of_transfer_runs_are_told_apart(speaker, done, tmp_path):
    with pytest.raises(UserError, match="mode test is for transfer runs"):
        cli.evaluate(str(speaker), ["test"], [])
    for mode in ("testchannel", "testmessage", "testinput"):
        with pytest.raises(UserError, match=f"{mode} is for runs of a game.*use test"):
            cli.evaluate(str(done), [mode], [])


@pytest.mark.slow
def test_more_candidates_than_the_split_has_are_skipped_and_said(speaker, tmp_path, capsys):
    transfer(tmp_path / "run", speaker, task="discriminationdist")
    cli.evaluate(str(tmp_path / "run"), ["test"], ["Test.candidates=[16,4096]", "Test.passes=1"])
    assert "Skipped 4096 candidates: the test split has 359 examples." in capsys.readouterr().out
    assert {row["candidates"] for row in lines(tmp_path / "run" / "eval" / "test.jsonl")} == {16}


def test_shuffled_messages_are_the_speakers_own_in_other_places(speaker, done, tmp_path):
    transfer(tmp_path / "run", speaker, "TransferLearner.speaker_source=@ShuffledSpeaker()")
    for name, value in weights(speaker, "speaker").items():
        np.testing.assert_array_equal(weights(tmp_path / "run", "speaker")[name], value)
    metrics = [row["loss"] for row in lines(tmp_path / "run" / "metrics.jsonl")]
    assert metrics != [row["loss"] for row in lines(done / "metrics.jsonl")]


@pytest.mark.slow
def test_published_folders_give_attributes_and_images(tmp_path):
    data = tmp_path / "data"
    feature_folders.write_celeba_folder(data, examples={"train": 16, "valid": 8, "test": 8})
    games = [*commands.TINY, "batch_size=8"]
    cli.run([str(GIN / "lg_s_celeba.gin")], games, str(tmp_path / "speaker"), str(data))
    for task in ("attribute", "reconstruction"):
        run, params = tmp_path / task, ["games=8"]
        transfer(
            *(run, tmp_path / "speaker", *params), task=task, gin_file=str(GIN / "etl_celeba.gin"), data_dir=str(data)
        )
        cli.evaluate(str(run), [], [], str(data))
        assert len(lines(run / "eval" / "test.jsonl")) == 4
