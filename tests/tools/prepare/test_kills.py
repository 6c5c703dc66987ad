"""Kills preparations, or fails one of their file operations, at many points; each is a process of its own.

A process that has the libraries already forks for each of them, so that none has to load TensorFlow.
"""

import json
import os
import subprocess

import pytest

from tests import commands
from tests.tools.prepare.pictures import draw_classes, save_keras

FORKS = """
import errno, json, os, runpy, signal, sys, traceback
import keras, tensorflow as tf, tensorflow_datasets
from tf_emcom import cli

def child(arguments, at, failure):
    calls = [0]
    def counted(function):
        def call(*given, **named):
            calls[0] += 1
            if calls[0] == at and failure is None:
                os.kill(os.getpid(), signal.SIGKILL)
            if calls[0] == at:
                raise failure
            return function(*given, **named)
        return call
    for module, names in ((tf.io.gfile, "makedirs rename remove rmtree listdir stat exists isdir"),
                          (os, "replace remove rename fsync open"),
                          (tf.io.TFRecordWriter, "write close"), (tf.io.gfile.GFile, "read write close")):
        for name in names.split():
            setattr(module, name, counted(getattr(module, name)))
    sys.argv = ["bin/prepare_features", *arguments]
    try:
        runpy.run_path("bin/prepare_features", run_name="__main__")
    except SystemExit as ending:
        if ending.code:
            return ending.code
    print(calls[0])
    return 0

for line in sys.stdin:
    out, at, failure, arguments = json.loads(line)
    if failure is not None:
        number = getattr(errno, failure)
        failure = OSError(number, os.strerror(number))
    pid = os.fork()
    if not pid:
        file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1); os.dup2(file, 2)
        try:
            status = child(arguments, at, failure)
        except BaseException:
            traceback.print_exc()
            status = 99
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class Preparations:
    """Runs bin/prepare_features on the same pictures, again and again."""

    def __init__(self, folder):
        self.folder = folder
        draw_classes(folder / "pictures", each=10)
        save_keras(folder / "encoder.keras")
        self._process = subprocess.Popen(
            [*commands.python(), "-c", FORKS],
            cwd=commands.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def close(self):
        self._process.stdin.close()
        self._process.wait()

    def run(self, data, at=0, failure=None):
        """Its exit status and what it printed; at the file operation `at` it is killed, or that one fails."""
        arguments = [
            *(f"--images={self.folder / 'pictures'}", f"--encoder={self.folder / 'encoder.keras'}"),
            *(f"--data_dir={self.folder / data}", "--batch_size=4", "--keep_images=8", "--shard_size=8"),
        ]
        out = self.folder / "printed"
        print(json.dumps([str(out), at, failure, arguments]), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline()), out.read_text()


@pytest.fixture(scope="module")
def preparations(tmp_path_factory):
    """Also: how many file operations a preparation has, and what it makes."""
    found = Preparations(tmp_path_factory.mktemp("kills"))
    status, printed = found.run("whole")
    assert status == 0, printed
    yield found, int(printed.splitlines()[-1]), commands.snapshot(found.folder / "whole")
    found.close()


# Every point is tried with TF_EMCOM_TESTS_EVERY_KILL=1, which takes some minutes.
STEP = int(os.environ.get("TF_EMCOM_TESTS_EVERY_KILL", 0)) or 61


@pytest.mark.processes
def test_after_a_kill_at_any_point_the_same_command_ends_with_the_same_files(preparations):
    runs, operations, expected = preparations
    assert operations > 100
    for at in range(1, operations + 1, STEP):
        data = f"killed-{at}"
        assert runs.run(data, at)[0] == -9
        # The next one is killed as well, somewhere else.
        runs.run(data, 1 + at * 7 % operations)
        status, printed = runs.run(data)
        assert status == 0, (at, printed)
        assert commands.snapshot(runs.folder / data) == expected, at
        assert os.listdir(runs.folder / data / "features") == ["1.0.0"], at


@pytest.mark.parametrize("failure", ["ENOSPC", "EIO", "EROFS"])
def test_operation_that_fails_is_one_sentence_and_the_same_command_resumes(preparations, failure):
    runs, operations, expected = preparations
    for at in range(1 + 7 * len(failure), operations + 1, STEP):
        data = f"{failure}-{at}"
        status, printed = runs.run(data, at, failure)
        assert "Traceback" not in printed, (at, printed)
        assert status in (0, 2), (at, printed)
        if status:
            errors = [line for line in printed.splitlines() if line.startswith("Error: ")]
            assert len(errors) == 1 and "again" in errors[0] or "name another" in errors[0], (at, printed)
            status, printed = runs.run(data)
        assert status == 0, (at, printed)
        assert commands.snapshot(runs.folder / data) == expected, at
