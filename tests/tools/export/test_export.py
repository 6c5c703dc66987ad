"""The folders of exports, and which files they replace."""

import json
import os
import re
import shutil
import signal
import subprocess

import pytest
import tensorflow as tf

from tests import commands
from tf_emcom import cli
from tf_emcom.errors import UserError
from tf_emcom.tools.export.formats import Keras, SavedModel

DIGITS = [str(commands.ROOT / "gin" / "nlg_digits.gin")]
SMALL = (*commands.TINY, "message_length=2")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "trained"
    cli.run(DIGITS, SMALL, str(run))
    return run


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def export(run, out=None, *params):
    cli.evaluate(str(run), ["export"], [*([f"Export.out={str(out)!r}"] if out else []), *params])


def step(folder):
    return json.loads((folder / "assets" / "metadata.json").read_text())["step"]


@pytest.mark.slow
def test_an_export_is_in_the_run_unless_another_folder_is_named(run, tmp_path, capsys):
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


@pytest.mark.slow
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
    # Results of the replaced agents.
    assert not (out / "eval").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"run", "out"}


@pytest.mark.slow
def test_a_folder_that_is_no_export_of_this_run_is_not_changed(run, tmp_path):
    other = tmp_path / "other"
    cli.run(DIGITS, [*SMALL, "seed=1"], str(other))
    export(other, tmp_path / "of another")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("years of work")
    (tmp_path / "foreign" / "assets").mkdir(parents=True)
    (tmp_path / "foreign" / "assets" / "metadata.json").write_text("[1, 2]")
    (tmp_path / "file").write_text("years of work")
    before = commands.snapshot(tmp_path)
    for name, sentence in {
        "of another": "another configuration",
        "thesis": "no export of this format",
        "foreign": "no export of this format",
        "run": "no export of this format",
        "file": "is a file",
    }.items():
        with pytest.raises(UserError, match=sentence):
            export(run, tmp_path / name)
    assert commands.snapshot(tmp_path) == before


def test_without_a_checkpoint_the_error_says_what_to_do(run, tmp_path):
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UserError, match="There is no checkpoint in .*; train first"):
        export(run, tmp_path / "out")
    with pytest.raises(UserError, match="There is no run in .*; train first"):
        export(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(UserError, match="There is no format 'savedmodel'.*saved_model"):
        export(run, tmp_path / "out", "Export.format='savedmodel'")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_run_on_other_storage_is_exported_there(run, tmp_path):
    out = f"ram://{tmp_path.name}/out"
    for _ in range(2):
        export(run, out)
    agents = tf.saved_model.load(out)
    assert json.loads(agents.metadata()["json"].numpy())["step"] == 4
    cli.evaluate(str(tmp_path / "results"), ["testtopsim"], [], saved_model=out)
    cli.evaluate(str(run), ["testtopsim"], [])
    assert commands.snapshot(tmp_path / "results" / "eval") == commands.snapshot(run / "eval")


KILLED = """
import os, signal, sys
from tf_emcom import cli, files

at, exchanges = sys.argv[2], sys.argv[3] == "True"
if not exchanges:
    files.ctypes.CDLL = lambda *_, **__: None
module, name = {"rename": (files.os, "rename"), "exchange": (files, "_exchange")}[at]
before = getattr(module, name)

def kill(first, *given, **named):
    if str(sys.argv[4]) in str(first) or at != "rename":
        before(first, *given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    return before(first, *given, **named)

setattr(module, name, kill)
cli.evaluate(sys.argv[1], ["export"], [])
"""


@pytest.mark.processes
@pytest.mark.parametrize(("at", "exchanges"), [("rename", False), ("exchange", True)])
def test_after_a_kill_the_same_command_writes_a_whole_export(run, at, exchanges):
    export(run)
    out = run / "export" / "saved_model"
    before = commands.snapshot(out)
    given = [str(run), at, str(exchanges), "saved_model"]
    killed = subprocess.run([*commands.python(), "-c", KILLED, *given], cwd=commands.ROOT, env=os.environ, timeout=300)
    assert killed.returncode == -signal.SIGKILL
    # Where a file system cannot exchange two folders, the old one has another name for a moment.
    assert (out if exchanges else run / "export" / "saved_model.tf_emcom-old").is_dir()
    export(run)
    assert [path.name for path in (run / "export").iterdir()] == ["saved_model"]
    assert set(commands.snapshot(out)) == set(before)
    assert tf.saved_model.contains_saved_model(str(out))


@pytest.mark.slow
def test_remains_of_a_process_of_the_same_id_do_not_block(run, tmp_path):
    """In a container, every command may have the same process id."""
    (tmp_path / f"out.{os.getpid()}.new").mkdir()
    (tmp_path / f"out.{os.getpid()}.old").mkdir()
    export(run, tmp_path / "out")
    assert step(tmp_path / "out") == 4


def test_a_saved_model_is_not_written_to_a_run_whose_path_is_a_pattern(run, tmp_path):
    run = run.rename(tmp_path / "lr=[1e-3]")
    before = commands.snapshot(run)
    with pytest.raises(UserError, match=r"TensorFlow cannot load a SavedModel from .*lr=\[1e-3\]/export/"):
        export(run)
    assert commands.snapshot(run) == before


@pytest.mark.parametrize("name", ["exp[v1]", "a*", "b?", "c\\d", "[x]/below"])
def test_only_weights_alone_are_written_to_a_path_that_tensorflow_reads_as_a_pattern(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for out in (str(tmp_path / name), name, f"gs://bucket/{name}"):
        with pytest.raises(UserError, match="TensorFlow cannot load a SavedModel from .*; name another"):
            SavedModel().check_place(out)
    Keras().check_place(str(tmp_path / name))


PARTS = {
    SavedModel: (
        *("saved_model.pb", "fingerprint.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"),
        *("assets/metadata.json", "assets/config.gin", "assets/config.gin.new", "eval/test.jsonl", "figures/test.png"),
    ),
    Keras: ("speaker-0.weights.h5", "listener-12.weights.h5", "speaker.json", "metadata.json", "speaker.gin"),
}


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("name", ["notes.txt", "assets/thesis.tex", "variables/mine", "speaker-0.h5", "eval/a/b.jsonl"])
def test_a_folder_with_a_file_that_is_not_of_an_export_is_refused(kind, name, tmp_path):
    for part in PARTS[kind]:
        (tmp_path / part).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / part).write_text('{"tf_emcom": null}')
    kind().check_place(str(tmp_path))
    (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / name).write_text("years of work")
    with pytest.raises(UserError, match=f"holds {name}, which is no part of an export of this format; name another"):
        kind().check_place(str(tmp_path))


FULL = """
import resource, signal, sys
from tf_emcom import cli
from tf_emcom.errors import UserError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
cli.evaluate(sys.argv[1], ["export"], [])
for kind in ("saved_model", "keras"):
    for limit in map(int, sys.argv[2:]):
        # Writes beyond a limit of the process fail as on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            cli.evaluate(sys.argv[1], ["export"], [f"Export.format={kind!r}"])
            print(f"was written with {limit}")
        except UserError as error:
            print(error)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


@pytest.mark.processes
def test_a_full_disk_is_reported_in_one_sentence_and_the_older_export_stays(run):
    done = subprocess.run(
        [*commands.python(), "-c", FULL, str(run), "0", "100", "3000"],
        cwd=commands.ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr, done.stderr
    first, *errors = done.stdout.splitlines()
    assert first.startswith("Exported") and len(errors) == 6
    for kind, line in zip(["saved_model"] * 3 + ["keras"] * 3, errors, strict=True):
        assert re.search(f"export/{kind} cannot be written .*run the same command again", line), line
    assert tf.saved_model.contains_saved_model(str(run / "export" / "saved_model"))
    assert [path.name for path in (run / "export").iterdir()] == ["saved_model"]
