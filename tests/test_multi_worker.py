"""Training by several processes: what one process comes to, whoever of them dies and comes back."""

import json
import os
import socket
import subprocess

import numpy as np
import pytest
import tensorflow as tf

from tests import commands
from tf_emcom.files import read_json_lines
from tf_emcom.runtime.checkpoint_files import checkpoint_steps

pytestmark = pytest.mark.processes

PARAMS = (
    *commands.TINY,
    "batch_size=16",
    "steps=12",
    "Train.steps_per_call=2",
    "Train.actions=[@StopOnNan(), @Log(), @TensorBoard(), @Validation(), @Checkpoint(), @KillAt(), @TerminateAt()]",
    *("Validation.every=4", "Validation.batches=2"),
)


def free_ports(count):
    with_ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in with_ports]
    for each in with_ports:
        each.close()
    return ports


@pytest.fixture(scope="module")
def gin_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("gin") / "killed.gin"
    path.write_text(f"import tests.kill_at\nimport tests.terminate_at\ninclude '{commands.ROOT}/gin/lg_s_digits.gin'\n")
    return path


def arguments(gin_file, run):
    return [f"--gin_file={gin_file}", f"--workdir={run}", *(f"--gin_param={p}" for p in PARAMS)]


def start_worker(index, ports, gin_file, run, log, killed_at="", terminated_at=""):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    environment = {
        **os.environ,
        "TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}),
        "TF_EMCOM_TESTS_KILL_AT": killed_at,
        "TF_EMCOM_TESTS_TERMINATE_AT": terminated_at,
        "PYTHONPATH": str(commands.ROOT),
    }
    with open(log, "a") as file:
        return subprocess.Popen(
            [*commands.python(), "bin/train", *arguments(gin_file, run)],
            cwd=commands.ROOT,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def metrics(run):
    return read_json_lines(str(run / "metrics.jsonl"), "")


def weights(run):
    reader = tf.train.load_checkpoint(str(run / "checkpoints" / "ckpt-12"))
    return {
        key: reader.get_tensor(key)
        for key in reader.get_variable_to_shape_map()
        if "weights" in key or "optimizer" in key
    }


@pytest.fixture(scope="module")
def one_device(gin_file, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "one_device"
    done = commands.start("train", *arguments(gin_file, run), env={"PYTHONPATH": str(commands.ROOT)})
    assert done.returncode == 0, done.stderr
    return run


def ended(workers):
    """The statuses of processes, once all have ended."""
    try:
        return [worker.wait(timeout=250) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()


def test_two_processes_of_which_one_dies_or_is_told_to_stop_come_to_what_one_process_does(
    gin_file, one_device, tmp_path
):
    run, logs, ports = tmp_path / "run", [tmp_path / f"{i}.log" for i in range(2)], free_ports(2)

    def start(index, **moments):
        return start_worker(index, ports, gin_file, run, logs[index], **moments)

    survivor = start(0)
    assert ended([start(1, killed_at="7")]) == [-9]
    # Who survived has started again by itself, and waits.
    assert ended([survivor, start(1, terminated_at="9")]) == [143, 143], [log.read_text() for log in logs]
    assert ended([start(0), start(1)]) == [0, 0], [log.read_text() for log in logs]
    told = logs[0].read_text()
    assert "Another process of the run is lost" in told
    assert "Going on from step 6 of 12" in told
    assert "Terminated after step 9 of 12" in told
    assert "Going on from step 9 of 12" in told

    rows, wanted = metrics(run), metrics(one_device)
    assert [row["step"] for row in rows] == [row["step"] for row in wanted]
    for row, other in zip(rows, wanted, strict=True):
        for name in set(row) - {"games_per_second"}:
            assert row[name] == pytest.approx(other[name], abs=1e-5), name
    found, right = weights(run), weights(one_device)
    assert found.keys() == right.keys() and len(found) > 40
    for key, value in right.items():
        np.testing.assert_allclose(found[key], value, atol=1e-5, err_msg=key)
    # The worker that is no chief wrote nothing.
    names = {path.name for path in run.iterdir()}
    written = {"best", "checkpoints", "metrics.jsonl", "tensorboard", "validation.jsonl"}
    assert names == {".lock", "config.gin", "environment.json", *written}
    validated, alone = (read_json_lines(str(each / "validation.jsonl"), "") for each in (run, one_device))
    assert [row["step"] for row in validated] == [4, 8, 12]
    for row, other in zip(validated, alone, strict=True):
        assert row == pytest.approx(other, abs=1e-5)
    assert checkpoint_steps(str(run / "best"))[0] == checkpoint_steps(str(one_device / "best"))[0]
    assert len(list((run / "tensorboard").iterdir())) == 3
