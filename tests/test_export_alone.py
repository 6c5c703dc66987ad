"""The commands of an export, and its use by a process with TensorFlow but without this library."""

import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests import commands
from tf_emcom import cli

pytestmark = pytest.mark.processes

SMALL = (*commands.TINY, "message_length=3")

# After these lines, neither this library nor others that it needs can be imported.
ISOLATED = """
import sys
sys.modules.update(dict.fromkeys(("tf_emcom", "gin", "tensorflow_probability", "tensorflow_datasets", "sklearn")))
"""
ALONE = """
import numpy as np
import tensorflow as tf

agents = tf.saved_model.load(sys.argv[1])
given = np.load(sys.argv[2])
said = agents.signatures["speak"](inputs=tf.constant(given["inputs"]), speaker=tf.constant(1))
answer = agents.listen(said["symbols"], given["inputs"][np.newaxis], listener=0)
game = agents.play(given["inputs"], noise=0.5, seed=3, speaker=1)
assert sys.modules["tf_emcom"] is None and not [name for name in sys.modules if name.startswith("tf_emcom.")]
np.savez(sys.argv[3], symbols=said["symbols"], scores=answer["scores"], received=game["received"])
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "run"
    cli.run([str(commands.ROOT / "gin" / "nlg_digits.gin")], [*SMALL, "n_speakers=2"], str(run))
    ran = commands.start("export", f"--workdir={run}")
    assert ran.returncode == 0, ran.stderr
    assert f"Exported 2 speakers and 1 listener of step 4 to {run}/export/saved_model" in ran.stdout
    return run


def alone(tmp_path, code, *arguments):
    """Runs a program that can import nothing of this repository."""
    (tmp_path / "program.py").write_text(ISOLATED + code)
    started = [sys.executable, "-I", "program.py", *map(str, arguments)]
    return subprocess.run(started, cwd=tmp_path, capture_output=True, text=True, timeout=300)


def test_agents_speak_listen_and_play_with_tensorflow_alone(run, tmp_path):
    inputs = np.random.default_rng(0).normal(size=(11, 64)).astype(np.float32)
    np.savez(tmp_path / "given.npz", inputs=inputs)
    export = run / "export" / "saved_model"
    ran = alone(tmp_path, ALONE, export, tmp_path / "given.npz", tmp_path / "found.npz")
    assert ran.returncode == 0, ran.stderr
    found = np.load(tmp_path / "found.npz")
    here = tf.saved_model.load(str(export))
    np.testing.assert_array_equal(found["symbols"], here.speak(inputs, 1)["symbols"])
    np.testing.assert_array_equal(found["scores"], here.listen(found["symbols"], inputs[np.newaxis])["scores"])
    assert found["received"].shape == (11, 3) and found["received"].max() == 20


def test_the_example_in_the_documentation_runs(run, tmp_path):
    code, _ = re.findall(r"```python\n(.*?)```", (commands.ROOT / "docs" / "export.md").read_text(), re.DOTALL)
    assert len(code.strip().splitlines()) <= 12
    ran = alone(tmp_path, code.replace('"DIR"', repr(str(run / "export" / "saved_model"))))
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"right: [\d.]+ of 3 symbols a message", ran.stdout)


def test_an_export_is_tested_by_a_command(run, tmp_path):
    given = {"params": ["TestChannel.passes=1", "TestChannel.candidates=(16,)"]}
    export = f"--saved_model={run / 'export' / 'saved_model'}"
    ran = commands.start("evaluate", f"--workdir={run}", "--mode=testchannel", **given)
    assert ran.returncode == 0, ran.stderr
    ran = commands.start("evaluate", export, f"--workdir={tmp_path}", "--mode=testchannel", **given)
    assert ran.returncode == 0, ran.stderr
    assert "Note:" not in ran.stderr
    wanted = (run / "eval" / "testchannel.jsonl").read_bytes()
    assert (tmp_path / "eval" / "testchannel.jsonl").read_bytes() == wanted


MISTAKES = {
    "nothing to test": (["evaluate"], "Either --workdir or --saved_model"),
    "nothing to export": (["export"], "--workdir is missing"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_reported_in_one_sentence(mistake):
    arguments, sentence = MISTAKES[mistake]
    ran = commands.start(*arguments)
    assert ran.returncode == 2 and "Traceback" not in ran.stderr, ran
    (line,) = [line for line in ran.stderr.splitlines() if line.startswith("Error: ")]
    assert sentence in line
