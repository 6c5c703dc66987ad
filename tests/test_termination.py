"""A run that is asked to stop saves its state, and resumes as if it had never stopped."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.util import _pywrap_util_port

from tests import commands
from tf_emcom import cli
from tf_emcom.files import read_json_lines
from tf_emcom.runtime import termination
from tf_emcom.runtime.checkpoint_files import checkpoint_steps
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training.actions.action import TrainingState
from tf_emcom.training.actions.checkpoint import Checkpoint
from tf_emcom.training.actions.logs import Log

ENVIRONMENT = "TF_EMCOM_TESTS_TERMINATE_AT"
# Calls of the compiled loop end at 3, 4, 5, 6, 8, 9, 10 and so on; agents change after 4, 8, 12 and 16; lines are
# logged at 5, 10, 15 and 20.
PARAMS = (
    *(*commands.TINY, "steps=20", "Train.steps_per_call=3", "Log.every=5", "Checkpoint.every=10"),
    *("Train.changes=[@ResetOfPair()]", "ResetOfPair.every=4"),
)


@pytest.fixture
def gin_file(tmp_path):
    path = tmp_path / "terminated.gin"
    path.write_text(
        "import tests.terminate_at\n"
        "include 'gin/nlg_digits.gin'\n"
        "Train.actions = [@StopOnNan(), @Log(), @TensorBoard(), @Checkpoint(), @TerminateAt()]\n"
    )
    return path


def here(monkeypatch, gin_file, run, moments=""):
    """Trains in this process; returns what a command would say at the end."""
    monkeypatch.setenv(ENVIRONMENT, moments)
    monkeypatch.setattr(sys, "path", [str(commands.ROOT), *sys.path])
    try:
        cli.run([str(gin_file)], PARAMS, str(run))
    except termination.Terminated as end:
        return str(end)
    return ""


def variables(run):
    reader = tf.train.load_checkpoint(str(run / f"checkpoints/ckpt-{checkpoint_steps(str(run / 'checkpoints'))[0]}"))
    names = [name for name in reader.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name]
    return {name: reader.get_tensor(name) for name in names if "save_counter" not in name}


def logged(run):
    rows = read_json_lines(str(run / "metrics.jsonl"), "")
    return [{name: value for name, value in row.items() if name != "games_per_second"} for row in rows]


def start(gin_file, run, moments=""):
    params = [f"--gin_param={param}" for param in PARAMS]
    return subprocess.Popen(
        [*commands.python(), "bin/train", f"--gin_file={gin_file}", f"--workdir={run}", *params],
        cwd=commands.ROOT,
        # With oneDNN, which rounds differently, where this process has it, too, as the other half runs here. Commands
        # switch it on everywhere, TensorFlow by itself only on processors with AVX-512.
        env={
            **os.environ,
            "TF_ENABLE_ONEDNN_OPTS": str(int(_pywrap_util_port.IsMklEnabled())),
            ENVIRONMENT: moments,
            "PYTHONPATH": str(commands.ROOT),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    """Its two outputs, once it has ended as SIGTERM ends one."""
    said = process.communicate(timeout=200)
    assert process.returncode == 143, said
    assert "Traceback" not in said[1]
    return said


@pytest.mark.processes
def test_a_run_stopped_by_sigterm_again_and_again_equals_one_that_is_not(monkeypatch, tmp_path, gin_file):
    run = tmp_path / "run"
    # While it still builds what it trains.
    process = start(gin_file, run)
    while not (run / "config.gin").exists():
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGTERM)
    assert "Terminated before this process had" in ended(process)[1]
    # Agents have just changed, and the next line is three steps old.
    assert "after step 8 of 20: a checkpoint is saved" in ended(start(gin_file, run, "8"))[1]
    # In this process, as far as training goes.
    assert "before this process had done a step" in here(monkeypatch, gin_file, run, "begin")
    assert "after step 10 of 20: a checkpoint is saved" in here(monkeypatch, gin_file, run, "save-10")
    # After the last step, there is nothing to stop.
    assert here(monkeypatch, gin_file, run, "20") == ""

    assert here(monkeypatch, gin_file, tmp_path / "straight") == ""
    ours, theirs = variables(run), variables(tmp_path / "straight")
    assert ours.keys() == theirs.keys()
    assert sum("moment" in name for name in ours) >= 20
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    # Of the last step, for a longer run; nothing is left of what SIGTERM kept.
    assert json.loads(ours["carried/.ATTRIBUTES/VARIABLE_VALUE"]).keys() == {"last"}
    assert logged(run) == logged(tmp_path / "straight")


def test_a_line_is_the_mean_of_what_two_processes_did(tmp_path):
    training = TrainingState(0, 20, None, RunFolder(str(tmp_path)), None, None, None)
    before, after = Log(every=5), Log(every=5)
    for log in (before, after):
        log.begin(training)
    assert before.state() is None
    before.see(training, {"accuracy": np.array([1 / 3, 2 / 3], np.float32), "loss": np.float32(0.1)}, 2)
    before.note(training, {"imitation": 0.1}, Checkpoint())
    after.resume(json.loads(json.dumps(before.state())))
    for log in (before, after):
        log.see(training, {"accuracy": np.array([0.7, 0.1], np.float32), "loss": np.float32(0.2)}, 1)
        log.note(training, {"imitation": 0.2}, Checkpoint())
    ours, theirs = after.state(), before.state()
    assert 0 < theirs.pop("seconds") <= ours.pop("seconds")
    assert ours == theirs
    assert (ours["steps"], ours["noted"]) == (3, {"imitation": [0.1, 0.2]})
    for log in (before, after):
        log.finish(training)


def test_sigterm_is_remembered_inside_and_what_it_was_outside():
    received = []
    before = signal.signal(signal.SIGTERM, lambda *_: received.append("outside"))
    try:
        with termination.Termination() as inside:
            assert not inside.asked()
            os.kill(os.getpid(), signal.SIGTERM)
            assert inside.asked()
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == ["outside"]


def test_processes_agree_through_what_is_given():
    asked = []
    with termination.Termination(lambda here: asked.append(here) or True) as inside:
        assert inside.asked()
    assert asked == [False]


def test_outside_of_the_main_thread_sigterm_stays_what_it_was():
    answers = []

    def work():
        with termination.Termination() as inside:
            answers.append(inside.asked())

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [False]
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.fixture
def stops_at_once():
    before = signal.getsignal(signal.SIGTERM)
    termination.stop_at_once()
    yield
    termination.stop_at_once()
    signal.signal(signal.SIGTERM, before)


def test_sigterm_can_stop_at_once(stops_at_once):
    with pytest.raises(termination.Terminated, match="anything to save"):
        os.kill(os.getpid(), signal.SIGTERM)


def test_sigterm_whose_exception_a_library_swallowed_stops_the_run_at_its_first_step(stops_at_once):
    with contextlib.suppress(BaseException):
        os.kill(os.getpid(), signal.SIGTERM)
    with termination.Termination() as inside:
        assert inside.asked()
    assert str(inside.stopped("after step 0")) == "Terminated after step 0"
