"""A killed run goes on as if nothing had happened."""

import json
import signal

import numpy as np
import tensorflow as tf

from tests import commands


def train(tmp_path, name, kill_at=""):
    gin_file = tmp_path / "killable.gin"
    gin_file.write_text(
        "import tests.kill_at\n"
        "include 'gin/nlg_digits.gin'\n"
        "Train.actions = [@StopOnNan(), @Log(), @Checkpoint(), @KillAt()]\n"
    )
    params = [*commands.TINY, "steps=20", "Log.every=5", "Checkpoint.every=10"]
    env = {"TF_EMCOM_TESTS_KILL_AT": kill_at, "PYTHONPATH": str(commands.ROOT)}
    return commands.start(
        "train", f"--gin_file={gin_file}", f"--workdir={tmp_path / name}", params=params, env=env.items()
    )


def test_ten_steps_a_kill_and_ten_more_equal_twenty_steps_bit_for_bit(tmp_path):
    straight = train(tmp_path, "straight")
    assert straight.returncode == 0, straight.stderr
    # Three steps and a logged line go beyond the checkpoint and are lost.
    killed = train(tmp_path, "killed", kill_at="18")
    assert killed.returncode == -signal.SIGKILL
    assert logged(tmp_path / "killed")[-1]["step"] == 15
    resumed = train(tmp_path, "killed")
    assert resumed.returncode == 0, resumed.stderr
    assert "Going on from step 10" in resumed.stdout

    ours, theirs = variables(tmp_path / "killed"), variables(tmp_path / "straight")
    assert ours.keys() == theirs.keys()
    # Weights of both agents and the target, and two slots a weight in each optimiser.
    assert sum("moment" in name for name in ours) >= 20
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    assert logged(tmp_path / "killed") == logged(tmp_path / "straight")


def variables(run):
    reader = tf.train.load_checkpoint(str(run / "checkpoints"))
    names = [name for name in reader.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name]
    return {name: reader.get_tensor(name) for name in names if "save_counter" not in name}


def logged(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "games_per_second"} for row in rows]
