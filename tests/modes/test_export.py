"""Where exports go, what they replace, and what they leave alone."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import tensorflow as tf

from tests import commands
from tf_emcom import command
from tf_emcom.errors import UserError

DIGITS = [str(commands.ROOT / "gin" / "nlg_digits.gin")]
SMALL = (*commands.TINY, "message_length=2")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "trained"
    command.run(DIGITS, SMALL, str(run))
    return run


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def export(run, out=None, *params):
    command.evaluate(str(run), ["export"], [*([f"Export.out={str(out)!r}"] if out else []), *params])


def step(folder):
    return json.loads((folder / "assets" / "metadata.json").read_text())["step"]


def test_an_export_lies_in_the_run_unless_another_place_is_named(run, tmp_path, capsys):
    before = commands.snapshot(run)
    export(run)
    assert "Exported 1 speaker and 1 listener of step 4" in capsys.readouterr().out
    assert tf.saved_model.contains_saved_model(str(run / "export" / "saved_model"))
    assert before.items() <= commands.snapshot(run).items()
    export(run, tmp_path / "else" / "where")
    assert tf.saved_model.contains_saved_model(str(tmp_path / "else" / "where"))
    export(run, None, "Export.format='keras'")
    assert {path.name for path in (run / "export").iterdir()} == {"saved_model", "keras"}
    assert (run / "export" / "keras" / "speaker-0.weights.h5").exists()


def test_an_older_export_of_the_same_run_is_replaced(run, tmp_path):
    out = tmp_path / "out"
    (out / "eval").mkdir(parents=True)
    for part in (run / "checkpoints").glob("ckpt-4.*"):
        part.rename(tmp_path / part.name)
    with pytest.raises(UserError, match="no export of this format"):
        export(run, out)
    shutil.rmtree(out)
    export(run, out)
    assert step(out) == 2
    (out / "eval").mkdir()
    (out / "eval" / "testchannel.jsonl").write_text("")
    for part in tmp_path.glob("ckpt-4.*"):
        part.rename(run / "checkpoints" / part.name)
    export(run, out)
    assert step(out) == 4
    # Results of agents that are there no more.
    assert not (out / "eval").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"run", "out"}


def test_what_is_no_export_of_this_run_is_left_alone(run, tmp_path):
    other = tmp_path / "other"
    command.run(DIGITS, [*SMALL, "seed=1"], str(other))
    export(other, tmp_path / "of another")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("years of work")
    (tmp_path / "foreign" / "assets").mkdir(parents=True)
    (tmp_path / "foreign" / "assets" / "metadata.json").write_text("[1, 2]")
    (tmp_path / "file").write_text("years of work")
    before = commands.snapshot(tmp_path)
    for name, told in {
        "of another": "another configuration",
        "thesis": "no export of this format",
        "foreign": "no export of this format",
        "run": "no export of this format",
        "file": "is a file",
    }.items():
        with pytest.raises(UserError, match=told):
            export(run, tmp_path / name)
    assert commands.snapshot(tmp_path) == before


def test_a_run_without_a_checkpoint_says_what_to_do(run, tmp_path):
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UserError, match="There is no checkpoint in .*; train first"):
        export(run, tmp_path / "out")
    with pytest.raises(UserError, match="There is no run in .*; train first"):
        export(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(UserError, match="There is no format 'savedmodel'.*saved_model"):
        export(run, tmp_path / "out", "Export.format='savedmodel'")
    assert not (tmp_path / "out").exists()


def test_a_run_on_other_storage_is_exported_there(run, tmp_path):
    out = f"ram://{tmp_path.name}/out"
    for _ in range(2):
        export(run, out)
    agents = tf.saved_model.load(out)
    assert json.loads(agents.metadata()["json"].numpy())["step"] == 4
    command.evaluate(str(tmp_path / "results"), ["testtopsim"], [], saved_model=out)
    command.evaluate(str(run), ["testtopsim"], [])
    assert commands.snapshot(tmp_path / "results" / "eval") == commands.snapshot(run / "eval")


KILLED = """
import os, signal, sys
from tf_emcom import command
from tf_emcom.export import whole_folder

def killed(new, path):
    os.kill(os.getpid(), signal.SIGKILL)

whole_folder._swap = killed
command.evaluate(sys.argv[1], ["export"], [])
"""


def test_a_kill_leaves_the_older_export_whole(run):
    export(run)
    out = run / "export" / "saved_model"
    before = commands.snapshot(out)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(run)], cwd=commands.ROOT, env=os.environ, timeout=300)
    assert killed.returncode == -signal.SIGKILL
    assert commands.snapshot(out) == before
