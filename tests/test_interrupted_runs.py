"""Runs that are stopped, lose their output, are made longer, or whose files are damaged: nothing is lost."""

import os
import shutil
import signal
import subprocess
import sys
import time

import gin
import numpy as np
import pytest
import tensorflow as tf

from tests import commands
from tf_emcom import cli
from tf_emcom.errors import UserError
from tf_emcom.files import read_json_lines, without_pattern
from tf_emcom.runtime.checkpoint_files import checkpoint_steps
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.runtime.termination import Termination
from tf_emcom.training.actions.checkpoint import Checkpoint
from tf_emcom.training.actions.ease_of_learning import EaseOfLearning
from tf_emcom.training.actions.logs import Log
from tf_emcom.training.actions.tensor_board import TensorBoard
from tf_emcom.training.actions.validation import Validation
from tf_emcom.training.train import Train

GIN = str(commands.ROOT / "gin" / "nlg_digits.gin")
# Without Progress, whose numbers are of the clock. Agents change after 10 steps and after 20.
PARAMS = (
    *(*commands.TINY[:4], "batch_size=16", "Log.every=5", "Checkpoint.every=5", "Train.steps_per_call=3"),
    *("Train.actions=[@StopOnNan(), @Log(), @TensorBoard(), @Checkpoint()]", "Train.changes=[@ResetOfListener()]"),
    "ResetOfListener.every=10",
)
# What follows the number of steps otherwise.
SCHEDULES = ("CosineDecay.steps=10", "noise/LinearRamp.steps=10")


def train(run, *params):
    cli.run([GIN], [*PARAMS, *params], str(run))


def weights(run, step):
    # TensorFlow reads no checkpoint below a path with a pattern.
    with without_pattern(str(run / "checkpoints")) as folder:
        reader = tf.compat.v1.train.NewCheckpointReader(os.path.join(folder, f"ckpt-{step}"))
        names = [name for name in reader.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name]
        return {name: reader.get_tensor(name) for name in names}


def logged(run):
    rows = read_json_lines(str(run / "metrics.jsonl"), "")
    return [{name: value for name, value in row.items() if name != "games_per_second"} for row in rows]


def assert_same(run, other, step):
    ours, theirs = weights(run, step), weights(other, step)
    assert ours.keys() == theirs.keys() and len(ours) > 20
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    assert logged(run) == logged(other)
    points = [event_points(folder) for folder in (run, other)]
    assert points[0] == points[1]


def event_points(run):
    from tests import event_files

    found = event_files.scalars(run / "tensorboard")
    return {tag: values for tag, values in found.items() if "games_per_second" not in tag}


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """Twenty steps in one go."""
    run = tmp_path_factory.mktemp("straight") / "run"
    train(run, "steps=20", *SCHEDULES)
    return run


@pytest.mark.slow
def test_a_run_made_longer_equals_one_that_was_as_long_from_the_start(straight, tmp_path):
    run = tmp_path / "lr=[1e-3]"
    train(run, "steps=10")
    with pytest.raises(UserError, match=f"would change with steps.*bind {' and '.join(SCHEDULES)}, or"):
        train(run, "steps=20")
    with pytest.raises(UserError, match="has 10 steps, and steps is 5; a run can only be made longer"):
        train(run, "steps=5", *SCHEDULES)
    train(run, "steps=20", *SCHEDULES)
    assert_same(run, straight, 20)
    assert "steps = 20\n" in (run / "config.gin").read_text()
    assert checkpoint_steps(str(run / "checkpoints")) == [20, 15, 10]
    # And what else differs is refused as before.
    with pytest.raises(UserError, match="has another configuration"):
        train(run, "steps=30", *SCHEDULES, "seed=1")


@pytest.mark.slow
def test_a_run_from_before_a_component_had_a_parameter_goes_on_with_its_default(straight, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(straight, run)
    text = (run / "config.gin").read_text()
    assert "ResetOfListener.agents = 1\n" in text
    # Without the line that holds the checksum of the rest.
    (run / "config.gin").write_text(text.partition("\n")[2].replace("ResetOfListener.agents = 1\n", ""))
    train(run, "steps=20", *SCHEDULES)
    assert "is trained" in capsys.readouterr().out
    gin.clear_config()
    with pytest.raises(UserError, match="ResetOfListener.agents = not bound there, 2 here"):
        train(run, "steps=20", *SCHEDULES, "ResetOfListener.agents=2")


@pytest.mark.slow
def test_a_run_goes_on_from_before_a_damaged_checkpoint(straight, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(straight, run)
    os.truncate(run / "checkpoints" / "ckpt-20.index", 64)
    (run / "checkpoints" / "checkpoint").write_bytes(b"\xff")
    (run / "checkpoints" / "ckpt-17.new").mkdir()
    for left in ("config.gin.12345678.new", "tensorboard/1234.new", "checkpoints/ckpt-3.data-00000-of-00001"):
        (run / left).write_text("half")
    train(run, "steps=20", *SCHEDULES)
    said = capsys.readouterr()
    assert "ckpt-20 (" in said.err and "cannot be read; ckpt-15 is used" in said.err
    assert "metrics.jsonl goes up to step 20, but the newest checkpoint is of step 15" in said.err
    assert "Going on from step 15" in said.out
    assert_same(run, straight, 20)
    assert not [path for path in run.rglob("*") if path.name.endswith(".new") or "ckpt-3." in path.name]


@pytest.mark.slow
def test_lines_and_checkpoints_that_are_gone_are_mentioned(straight, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(straight, run)
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(lines[1:3]) + lines[3][:40])
    train(run, "steps=20", *SCHEDULES)
    assert "lacks 2 of the 4 lines up to step 20" in capsys.readouterr().err
    (run / "metrics.jsonl").write_text("".join(lines))
    shutil.rmtree(run / "checkpoints")
    train(run, "steps=20", *SCHEDULES)
    assert "goes up to step 20, but the newest checkpoint is gone" in capsys.readouterr().err
    assert_same(run, straight, 20)


def test_a_test_uses_the_checkpoint_before_a_damaged_one_and_says_so(straight, tmp_path, capsys):
    run = tmp_path / "sd[1]"
    shutil.copytree(straight, run)
    (run / "checkpoints" / "ckpt-20.data-00000-of-00001").write_bytes(b"")
    cli.evaluate(str(run), ["testchannel"], ["TestChannel.passes=1", "TestChannel.candidates=(16,)"])
    assert "ckpt-20 (" in capsys.readouterr().err
    rows = RunFolder(str(run)).read_evaluations()["testchannel"]
    assert {row["step"] for row in rows} == {15}


def test_a_checkpoint_before_the_line_of_its_step_is_refused():
    for late in (Log(5), EaseOfLearning(), TensorBoard(5), Validation(5)):
        with pytest.raises(UserError, match=f"has Checkpoint before {type(late).__name__}, so that"):
            Train([*(() if isinstance(late, Log) else [Log(5)]), Checkpoint(10), late])


def test_sigint_is_remembered_and_a_second_one_interrupts():
    # What is started in the background ignores it.
    given = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), Termination() as inside:
            os.kill(os.getpid(), signal.SIGINT)
            assert inside.asked()
            stopped = inside.stopped("after step 1")
            assert (str(stopped), stopped.status) == ("Interrupted after step 1", 130)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, given)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bindings", "said"),
    [
        # RmsProp keeps infinite squares, and weights stand still.
        (
            ("SpeakerReinforce.kl_coefficient=1e38", "Learner.speaker_optimizer_cls=@speaker/RmsProp"),
            "not finite after step 5 .they were finite after step 0",
        ),
        # The squares of such gradients are infinite, and their average is NaN from the second one on.
        (("SpeakerReinforce.kl_coefficient=1e38",), "In step [2-5] with seed 0, .*loss.* not finite, so the run stops"),
        (
            ("SpeakerReinforce.kl_coefficient=1e38", "Log.every=1", "Checkpoint.every=1"),
            "the largest losses were loss [0-9.]+, .*; step 1 with seed 0 played rows .*replays it from the start",
        ),
        (
            ("ListenerReinforce.value_coefficient=3e38", "Log.every=5"),
            "In step [1-5] with seed 0, .*loss.* not finite.*rows .*replays it",
        ),
    ],
)
def test_numbers_that_are_not_finite_are_never_saved(tmp_path, bindings, said):
    with pytest.raises(UserError, match=said):
        train(tmp_path / "run", "steps=10", *bindings)
    assert checkpoint_steps(str(tmp_path / "run" / "checkpoints")) == []


def start(beginning, run, steps, **streams):
    params = [f"--gin_param={param}" for param in (*PARAMS, f"steps={steps}")]
    words = [*beginning, "bin/train", f"--gin_file={GIN}", f"--workdir={run}", *params]
    return subprocess.Popen(words, cwd=commands.ROOT, **streams)


@pytest.mark.processes
def test_a_run_whose_output_nobody_takes_ends_as_usual(tmp_path):
    # The descriptor of standard error is closed, and would be that of the next file.
    process = start(
        [sys.executable], tmp_path / "run", 5, stdout=open("/dev/full", "w"), preexec_fn=lambda: os.close(2)
    )
    assert process.wait(timeout=400) == 0
    assert checkpoint_steps(str(tmp_path / "run" / "checkpoints")) == [5]
    assert len(logged(tmp_path / "run")) == 1


@pytest.mark.processes
def test_ctrl_c_saves_and_the_process_ends_soon_though_its_reader_is_gone(tmp_path):
    run = tmp_path / "run"
    process = start(commands.python(), run, 1_000_000, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert "Starting at step 0" in process.stdout.readline()
        process.stdout.close()
        while not (run / "metrics.jsonl").exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=200) == 130
    finally:
        process.kill()
    said = process.stderr.read()
    assert "Interrupted after step" in said and "a checkpoint is saved" in said and "Traceback" not in said
    newest = run / "checkpoints" / f"ckpt-{checkpoint_steps(str(run / 'checkpoints'))[0]}.index"
    assert f"after step {int(newest.stem[5:]):,} of" in said
    # Before, iterators waited for their threads: 26 s on two cores.
    assert time.time() - newest.stat().st_mtime < 15
