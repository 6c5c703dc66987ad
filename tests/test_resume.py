"""A killed run resumes as if it had never stopped."""

import signal

import numpy as np
import pytest
import tensorflow as tf

from tests import commands
from tf_emcom.files import read_json_lines

pytestmark = pytest.mark.processes

PLAIN = ()
POPULATION = (
    *("n_speakers=3", "n_listeners=2", "pairs_per_step=2", "Train.changes=[@ImitationOfBest(), @ResetOfPair()]"),
    *("ImitationOfBest.every=3", "ResetOfPair.every=4", "ResetOfPair.parts=['head']"),
)
# The best of step 16, if it is one, is newer than the checkpoint, and lost with the kill.
VALIDATED = (
    "Train.actions=[@StopOnNan(), @Log(), @TensorBoard(), @Validation(), @Checkpoint(), @KillAt()]",
    *("Validation.every=4", "Validation.batches=2"),
)
SWEEP = ("noise=@noise/Varied()", "noise/Varied.name='noise'", "noise/Varied.values=[0.2, 0.6]")
SEEDS = ("seeds=2", "Train.changes=[@ResetOfListener()]", "ResetOfListener.every=6")


def train(tmp_path, name, extra, kill_at=""):
    gin_file = tmp_path / "killable.gin"
    gin_file.write_text(
        "import tests.kill_at\n"
        "include 'gin/nlg_digits.gin'\n"
        "Train.actions = [@StopOnNan(), @Log(), @TensorBoard(), @Checkpoint(), @KillAt()]\n"
    )
    params = [*commands.TINY, *extra, "steps=20", "Log.every=5", "Checkpoint.every=10"]
    env = {"TF_EMCOM_TESTS_KILL_AT": kill_at, "PYTHONPATH": str(commands.ROOT)}
    return commands.start(
        "train", f"--gin_file={gin_file}", f"--workdir={tmp_path / name}", params=params, env=env.items()
    )


@pytest.mark.parametrize(
    "extra",
    [PLAIN, (*POPULATION, *VALIDATED), (*SEEDS, *VALIDATED), (*SWEEP, *SEEDS, *VALIDATED)],
    ids=["pair", "validated population", "validated seeds", "validated sweep"],
)
def test_ten_steps_a_kill_and_ten_more_equal_twenty_steps_bit_for_bit(tmp_path, extra):
    straight = train(tmp_path, "straight", extra)
    assert straight.returncode == 0, straight.stderr
    # Three steps and a logged line go beyond the checkpoint and are lost.
    killed = train(tmp_path, "killed", extra, kill_at="18")
    assert killed.returncode == -signal.SIGKILL
    assert logged(tmp_path / "killed")[-1]["step"] == 15
    resumed = train(tmp_path, "killed", extra)
    assert resumed.returncode == 0, resumed.stderr
    assert "Going on from step 10" in resumed.stdout

    ours, theirs = variables(tmp_path / "killed"), variables(tmp_path / "straight")
    assert ours.keys() == theirs.keys()
    # Weights of both agents and the target, and two slots a weight in each optimiser.
    assert sum("moment" in name for name in ours) >= 20
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    assert logged(tmp_path / "killed") == logged(tmp_path / "straight")
    if "Validation.every=4" in extra:
        files = [tmp_path / name / "validation.jsonl" for name in ("killed", "straight")]
        assert files[0].read_bytes() == files[1].read_bytes()
        assert [row["step"] for row in read_json_lines(str(files[0]), "")] == [4, 8, 12, 16, 20]
        ours, theirs = (variables(tmp_path / name, "best") for name in ("killed", "straight"))
        assert ours.keys() == theirs.keys() and len(ours) > 10
        for name in theirs:
            np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


def variables(run, folder="checkpoints"):
    reader = tf.train.load_checkpoint(str(run / folder))
    names = [name for name in reader.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name]
    return {name: reader.get_tensor(name) for name in names if "save_counter" not in name}


def logged(run):
    rows = read_json_lines(str(run / "metrics.jsonl"), "")
    return [{name: value for name, value in row.items() if name != "games_per_second"} for row in rows]
