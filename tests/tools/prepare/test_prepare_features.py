"""The command as a user types it: from drawn pictures to a trained game, through kills and mistakes."""

import json
import os
import signal
import subprocess

import pytest

from tests import commands
from tests.tools.prepare.pictures import draw_classes, save_keras

pytestmark = pytest.mark.processes

# Runs bin/prepare_features and kills it in place of the n-th renaming of a file.
KILLED = """
import os, runpy, signal, sys
import tensorflow as tf
calls, last = [], int(sys.argv.pop(1))
def counted(rename):
    def call(*given, **named):
        calls.append(given)
        if len(calls) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(*given, **named)
    return call
tf.io.gfile.rename, os.replace = counted(tf.io.gfile.rename), counted(os.replace)
runpy.run_path("bin/prepare_features", run_name="__main__")
"""
NAME = "my_birds"


def arguments(folder, data):
    return [
        *(f"--images={folder / 'pictures'}", f"--name={NAME}", f"--encoder={folder / 'encoder.keras'}"),
        *(f"--data_dir={folder / data}", "--batch_size=16", "--keep_images=16", "--shard_size=40"),
    ]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with pictures, an encoder, and the data set that a preparation without interruption makes."""
    folder = tmp_path_factory.mktemp("own")
    draw_classes(folder / "pictures", ("circle", "square", "three sides"), each=50)
    save_keras(folder / "encoder.keras")
    ran = commands.start("prepare_features", *arguments(folder, "data"))
    assert ran.returncode == 0, ran.stderr
    return folder, ran


def test_command_says_what_it_made_and_how_to_train_on_it(prepared):
    folder, ran = prepared
    assert f"{folder}/data/{NAME}/1.0.0: train 120, valid 15, test 15; 2 features, 3 classes." in ran.stdout
    assert f"--gin_param='data_name=\"{NAME}\"' --data_dir={folder}/data" in ran.stdout
    assert "150 of 150 images" in ran.stdout


def test_killed_preparation_resumes_and_its_bits_are_those_of_an_uninterrupted_one(prepared):
    folder, _ = prepared
    # The first renaming is the manifest's, then come encoded files: the third is written, but has no name yet. The
    # second process encodes the other three, keeps the mean and the deviation, and writes records.
    unfinished = folder / "killed" / NAME / ".unfinished-1.0.0"
    for last, left in ((4, "encoded"), (1 + 3 + 1 + 2, "ready")):
        killed = subprocess.run(
            [*commands.python(), "-c", KILLED, str(last), *arguments(folder, "killed")],
            cwd=commands.ROOT,
            capture_output=True,
            text=True,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert left in [path.parent.name for path in unfinished.rglob("*.new")]
    assert "Resuming: 2 of 5 files are done." in killed.stdout
    assert len(list((unfinished / "encoded").glob("*.npz"))) == 5
    assert len(list((unfinished / "ready").glob("*-of-0000?"))) == 1
    ran = commands.start("prepare_features", *arguments(folder, "killed"))
    assert ran.returncode == 0, ran.stderr
    assert commands.snapshot(folder / "killed") == commands.snapshot(folder / "data")


def test_training_testing_and_transfer_take_it_by_name(prepared):
    folder, _ = prepared
    run, named = folder / "run", [f'data_name="{NAME}"', *commands.TINY, "batch_size=16"]
    data_dir = f"--data_dir={folder / 'data'}"
    trained = commands.start("train", "--gin_file=gin/nlg_features.gin", f"--workdir={run}", data_dir, params=named)
    assert trained.returncode == 0, trained.stderr
    assert [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()] == [2, 4]
    transfer = [f'data_name="{NAME}"', f'checkpoint="{run}"', "steps=4", "games=16", "classes=3"]
    learnt = commands.start(
        "train", "--gin_file=gin/etl_features.gin", f"--workdir={folder / 'transfer'}", data_dir, params=transfer
    )
    assert learnt.returncode == 0, learnt.stderr
    assert os.path.exists(folder / "transfer" / "metrics.jsonl")


def test_mistake_is_one_sentence_and_writes_nothing(prepared):
    folder, _ = prepared
    given = [f"--images={folder / 'pictures'}", "--encoder=ResNet50", f"--data_dir={folder / 'none'}"]
    ran = commands.start("prepare_features", *given)
    assert ran.returncode == 2, ran
    (line,) = ran.stderr.splitlines()
    assert line.startswith("Error: ResNet50 needs a file with its weights")
    assert not (folder / "none").exists()
