"""Which speaker of a population a transfer run listens to."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests import commands
from tf_emcom import cli
from tf_emcom.errors import UserError
from tf_emcom.training.trained_speaker import TrainedSpeaker

GIN = commands.ROOT / "gin"
FILES = [str(GIN / "etl_digits.gin"), str(GIN / "tasks" / "classification.gin")]
SMALL = ("listener/LstmCore.units=8", "MultiMlp.size=8", "steps=2", "Log.every=1", "Checkpoint.every=2", "games=16")


def transfer(run, source, *params):
    cli.run(FILES, [*SMALL, f"checkpoint={str(source)!r}", *params], str(run))


def speaker_weights(run, index=None):
    """The speaker's weights in a run's newest checkpoint, by name; those of one of several."""
    path = tf.train.latest_checkpoint(str(run / "checkpoints"))
    reader = tf.train.load_checkpoint(path)
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith("speaker/weights/")]
    found = {name: reader.get_tensor(name) for name in names if name.endswith("VARIABLE_VALUE")}
    return found if index is None else {name: value[index] for name, value in found.items()}


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """A trained run of three speakers and two listeners; nobody writes to it."""
    run = tmp_path_factory.mktemp("runs") / "crowd"
    cli.run([str(GIN / "nlg_digits.gin")], [*commands.TINY, "n_speakers=3", "n_listeners=2"], str(run))
    return run


@pytest.fixture(scope="module")
def last(crowd, tmp_path_factory):
    """A transfer run that listens to the last of them."""
    run = tmp_path_factory.mktemp("runs") / "last"
    transfer(run, crowd, "speaker_index=2")
    return run


def assert_same(one, other):
    assert one.keys() == other.keys() and len(one) > 5
    for name, value in one.items():
        np.testing.assert_array_equal(other[name], value, err_msg=name)


@pytest.mark.slow
def test_the_speaker_that_was_asked_for_is_listened_to(crowd, last):
    assert_same(speaker_weights(crowd, 2), speaker_weights(last))
    name = next(name for name in speaker_weights(last) if "kernel" in name)
    assert not np.array_equal(speaker_weights(crowd, 0)[name], speaker_weights(crowd, 2)[name])


def test_usually_it_is_the_first(crowd, tmp_path):
    transfer(tmp_path / "run", crowd)
    assert_same(speaker_weights(crowd, 0), speaker_weights(tmp_path / "run"))


@pytest.mark.slow
def test_the_run_keeps_the_one_it_listens_to(crowd, last, tmp_path):
    lost, run = shutil.copytree(crowd, tmp_path / "lost"), tmp_path / "run"
    transfer(run, lost, "speaker_index=2")
    shutil.rmtree(lost)
    transfer(run, lost, "speaker_index=2")  # It is trained: nothing is left to do.
    for each in (run, last):
        cli.evaluate(str(each), ["test"], ["Test.passes=1", "Test.noises=[0.0]"])
        cli.evaluate(str(each), ["testtopsim"], [])
    for test in ("test", "testtopsim"):
        files = [(each / "eval" / f"{test}.jsonl").read_bytes() for each in (run, last)]
        assert files[0] == files[1]
    # It lends its only speaker.
    transfer(tmp_path / "next", run)
    assert_same(speaker_weights(crowd, 2), speaker_weights(tmp_path / "next"))


def test_another_speaker_is_another_run(crowd, last):
    assert "speaker_index = 2" in (last / "config.gin").read_text()
    with pytest.raises(UserError, match="has another configuration .*speaker_index"):
        transfer(last, crowd, "speaker_index=1")


def test_a_speaker_that_is_not_there_is_told_with_those_that_are(crowd, tmp_path):
    with pytest.raises(UserError, match="speaker_index is 3, but .* has 3 speakers; bind it to 0 to 2"):
        transfer(tmp_path / "run", crowd, "speaker_index=3")


@pytest.mark.parametrize("index", [-1, 1.0, "0", True, None], ids=repr)
def test_an_index_that_is_none_is_refused(index):
    with pytest.raises(UserError, match=r"TrainedSpeaker.speaker_index is .* a whole number, 0 or more"):
        TrainedSpeaker("run", index)
