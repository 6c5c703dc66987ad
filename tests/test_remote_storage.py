"""Runs, data and speakers on storage that is not this machine's disk, in TensorFlow's file system in memory, ram://."""

import os
import pathlib
import signal
import sys

import numpy as np
import pytest
import tensorflow as tf
from etils import epath

from tests import commands, feature_folders
from tf_emcom import cli
from tf_emcom.errors import UserError
from tf_emcom.files import read_json_lines
from tf_emcom.runtime.checkpoint_files import checkpoint_steps
from tf_emcom.runtime.termination import Terminated

GIN = commands.ROOT / "gin"
GAME = str(GIN / "nlg_imagenet.gin")
TRANSFER = [str(GIN / "etl_imagenet.gin"), str(GIN / "tasks" / "classification.gin")]
PARAMS = (*commands.TINY, "batch_size=8", "steps=6", "Log.every=2", "Checkpoint.every=4", "Train.steps_per_call=1")
TEST = ("TestChannel.passes=1", "TestChannel.candidates=(16,)")
LISTENER = ("listener/LstmCore.units=8", "MultiMlp.size=8", "batch_size=8", "steps=4", "Log.every=2")


@epath.register_path_cls("ram://")
class RamPath(pathlib.PurePosixPath):
    """TFDS reads features.json through etils, which knows gs:// but not ram://; both go to TensorFlow."""

    def __fspath__(self):
        return str(self).replace(":/", "://", 1)

    def exists(self):
        return tf.io.gfile.exists(os.fspath(self))

    def read_text(self):
        return read(os.fspath(self))


def upload(source, target):
    for folder, _, files in os.walk(source):
        there = os.path.normpath(os.path.join("/", os.path.relpath(folder, source)))
        there = target + there.rstrip("/")
        tf.io.gfile.makedirs(there)
        for name in files:
            tf.io.gfile.copy(os.path.join(folder, name), os.path.join(there, name))


def read(path, mode="r"):
    with tf.io.gfile.GFile(str(path), mode) as file:
        return file.read()


def rows(path):
    lines = read_json_lines(str(path), "")
    return [{name: value for name, value in row.items() if name != "games_per_second"} for row in lines]


def weights(run):
    folder = os.path.join(run, "checkpoints")
    reader = tf.compat.v1.train.NewCheckpointReader(os.path.join(folder, f"ckpt-{checkpoint_steps(folder)[0]}"))
    names = [name for name in reader.get_variable_to_shape_map() if "/weights/" in name]
    return {name: reader.get_tensor(name) for name in names}


def train(run, data_dir, gin_file, monkeypatch, terminate_at=""):
    monkeypatch.setenv("TF_EMCOM_TESTS_TERMINATE_AT", terminate_at)
    cli.run([str(gin_file)], PARAMS, str(run), str(data_dir))


@pytest.mark.slow
def test_a_run_stopped_and_resumed_on_remote_storage_is_the_run_on_the_disk(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "path", [str(commands.ROOT), *sys.path])
    data, run = tmp_path / "data", tmp_path / "run"
    feature_folders.write_byol_folder(data, examples={"train": 32, "valid": 16, "test": 32}, features=16, classes=5)
    (tmp_path / "gin").mkdir()
    (tmp_path / "gin" / "game.gin").write_text(
        f"import tests.terminate_at\ninclude {GAME!r}\n"
        "Train.actions = [@Log(), @TensorBoard(), @Checkpoint(), @TerminateAt()]\n"
    )
    upload(data, "ram://data")
    upload(tmp_path / "gin", "ram://gin")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    sigterm = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated, match="after step 3 of 6"):
        train("ram://runs/run", "ram://data", "ram://gin/game.gin", monkeypatch, terminate_at="3")
    train("ram://runs/run", "ram://data", "ram://gin/game.gin", monkeypatch)
    assert "Going on from step 3 of 6 in ram://runs/run" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGTERM) is sigterm
    cli.evaluate("ram://runs/run", ["testchannel"], TEST, "ram://data")
    # Its language is learnt by a new listener.
    cli.run(TRANSFER, [*LISTENER, "checkpoint='ram://runs/run'"], "ram://runs/transfer", "ram://data")
    cli.evaluate("ram://runs/transfer", [], ["Test.passes=1"], "ram://data")
    assert [row["step"] for row in rows("ram://runs/transfer/metrics.jsonl")] == [2, 4]
    assert rows("ram://runs/transfer/eval/test.jsonl")
    # None of it went to this machine's disk instead.
    assert list((tmp_path / "here").iterdir()) == []

    train(run, data, tmp_path / "gin" / "game.gin", monkeypatch)
    cli.evaluate(str(run), ["testchannel"], TEST, str(data))
    assert rows("ram://runs/run/metrics.jsonl") == rows(run / "metrics.jsonl")
    assert read("ram://runs/run/eval/testchannel.jsonl") == read(run / "eval" / "testchannel.jsonl")
    assert read("ram://runs/run/figures/testchannel.png", "rb") == read(run / "figures" / "testchannel.png", "rb")
    assert {*tf.io.gfile.listdir("ram://runs/run"), ".lock"} == set(os.listdir(run))
    assert any("tfevents" in name for name in tf.io.gfile.listdir("ram://runs/run/tensorboard"))
    ours, theirs = weights("ram://runs/run"), weights(str(run))
    assert ours.keys() == theirs.keys() and len(ours) >= 10
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


@pytest.mark.parametrize("flag", ["workdir", "checkpoint"])
def test_storage_that_cannot_be_read_is_told_in_a_sentence(tmp_path, flag):
    remote = "nowhere://bucket/run"
    params = [f"checkpoint={remote!r}", 'mode="testchannel"'] if flag == "checkpoint" else []
    with pytest.raises(UserError, match="nowhere://bucket/run cannot be read .*nowhere.* not implemented") as told:
        cli.run([str(GIN / "nlg_digits.gin")], [*commands.TINY, *params], remote if flag == "workdir" else None)
    assert "\n" not in str(told.value)


def test_a_speaker_that_cannot_be_read_is_told_in_a_sentence(tmp_path):
    gin_files = [str(GIN / "etl_digits.gin"), str(GIN / "tasks" / "classification.gin")]
    with pytest.raises(UserError, match="cannot be read"):
        cli.run(gin_files, ["checkpoint='nowhere://bucket/run'"], str(tmp_path / "run"))
