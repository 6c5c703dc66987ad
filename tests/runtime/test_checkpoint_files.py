"""Checkpoints are whole or not there, whatever is killed, damaged, or written meanwhile."""

import os
import subprocess

import pytest
import tensorflow as tf

from tests import commands
from tf_emcom.errors import UserError
from tf_emcom.runtime.checkpoint_files import checkpoint_steps, use_newest, write_checkpoint
from tf_emcom.runtime.checkpoints import Checkpoints

# Forks before TensorFlow starts its threads; each child overwrites checkpoint 20 by 30 and dies at its n-th operation.
KILLED = """
import os, signal, sys
import tensorflow as tf
from tf_emcom.runtime import checkpoint_files as files

root, first = sys.argv[1], int(sys.argv[2])
calls = 0

def dying(function):
    def call(*given, **named):
        global calls
        calls += 1
        if calls == first:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*given, **named)
    return call

def forked(work):
    pid = os.fork()
    if not pid:
        work()
        os._exit(0)
    return os.waitpid(pid, 0)[1]

def save(folder, steps, dies):
    for step in steps:
        checkpoint = tf.train.Checkpoint(v=tf.Variable(float(step)))
        if dies:
            for name in ("replace", "remove", "fsync", "mkdir", "rename"):
                setattr(os, name, dying(getattr(os, name)))
            tf.io.gfile.remove = dying(tf.io.gfile.remove)
        files.write_checkpoint(checkpoint, folder, step, keep=2)

def read(folder):
    value = tf.Variable(0.0)
    files.use_newest(folder, lambda path: tf.train.Checkpoint(v=value).read(path).assert_consumed())
    print(first, value.numpy(), sorted(os.listdir(folder)), flush=True)

while True:
    folder = os.path.join(root, str(first))
    assert forked(lambda: save(folder, (10, 20), False)) == 0
    killed = forked(lambda: save(folder, (30,), True))
    forked(lambda: read(folder))
    assert forked(lambda: save(folder, (30,), False)) == 0
    forked(lambda: read(folder))
    if not killed:
        break
    first += 1
"""


def saved(folder, *steps, keep=3):
    for step in steps:
        write_checkpoint(tf.train.Checkpoint(v=tf.Variable(float(step))), str(folder), step, keep)


def value(folder):
    restored = tf.Variable(0.0)
    use_newest(str(folder), lambda path: tf.train.Checkpoint(v=restored).read(path).assert_consumed())
    return restored.numpy()


@pytest.mark.processes
def test_a_kill_at_any_operation_leaves_a_whole_newest_checkpoint_and_nothing_for_long(tmp_path):
    done = subprocess.run(
        [*commands.python(), "-c", KILLED, str(tmp_path), "1"], capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    points = [line[0] for line in lines[::2]]
    assert len(points) >= 10 and len(set(points)) == len(points)
    # After a kill the checkpoint before is there, or the new one; never less.
    assert {line[1] for line in lines[::2]} == {"20.0", "30.0"}
    after = (
        "['checkpoint', 'ckpt-20.data-00000-of-00001', 'ckpt-20.index', 'ckpt-30.data-00000-of-00001', 'ckpt-30.index']"
    )
    assert [line[1:] for line in lines[1::2]] == [["30.0", after]] * len(points)
    # The index is renamed last: what looks like a checkpoint is one.
    assert "damaged" not in done.stderr


DAMAGES = {
    "an index cut at a page": lambda index, data: os.truncate(index, 4096 if index.stat().st_size > 4096 else 60),
    "an empty index": lambda index, data: index.write_bytes(b""),
    "an index of zeros": lambda index, data: index.write_bytes(bytes(index.stat().st_size)),
    "no data": lambda index, data: data.unlink(),
    "other data": lambda index, data: data.write_bytes(b"\xff" * data.stat().st_size),
    "an index that is a pipe": lambda index, data: (index.unlink(), os.mkfifo(index)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_is_used(tmp_path, capsys, damage):
    saved(tmp_path, 10, 20)
    DAMAGES[damage](tmp_path / "ckpt-20.index", tmp_path / "ckpt-20.data-00000-of-00001")
    assert value(tmp_path) == 10.0
    said = capsys.readouterr().err
    assert said.startswith(f"Note: in {tmp_path}, ckpt-20 (") and said.endswith(" cannot be read; ckpt-10 is used.\n")
    assert said.count("\n") == 1
    # Done again, it takes the place of the damaged one.
    saved(tmp_path, 15)
    assert checkpoint_steps(str(tmp_path)) == [15, 10]


def test_a_newest_checkpoint_whose_index_is_gone_is_named(tmp_path, capsys):
    saved(tmp_path, 10, 20)
    (tmp_path / "ckpt-20.index").unlink()
    assert value(tmp_path) == 10
    assert f"in {tmp_path}, ckpt-20 (it has no index, which was not written yet or is lost) cannot be read; " in (
        capsys.readouterr().err
    )
    (tmp_path / "ckpt-20.index").symlink_to("nowhere")
    assert value(tmp_path) == 10
    assert "ckpt-20 (" in capsys.readouterr().err
    # Of an older one nothing was asked.
    saved(tmp_path, 30)
    (tmp_path / "ckpt-10.index").unlink()
    assert value(tmp_path) == 30 and not capsys.readouterr().err


def test_where_all_are_damaged_one_sentence_names_them(tmp_path):
    saved(tmp_path, 10, 20)
    for step in (10, 20):
        os.truncate(tmp_path / f"ckpt-{step}.data-00000-of-00001", 1)
    with pytest.raises(UserError, match=r"all checkpoints are damaged: ckpt-20 \(.*\), ckpt-10 \(.*\); copy") as raised:
        value(tmp_path)
    assert "\n" not in str(raised.value) and "remove" not in str(raised.value)


def test_a_checkpoint_that_is_replaced_while_it_is_read_is_looked_for_again(tmp_path, capsys):
    saved(tmp_path, 10)
    restored, calls = tf.Variable(0.0), []

    def use(path):
        if not calls:
            # What a training does meanwhile.
            saved(tmp_path, 20, keep=1)
        calls.append(path)
        tf.train.Checkpoint(v=restored).read(path).assert_consumed()

    use_newest(str(tmp_path), use)
    assert restored.numpy() == 20.0 and len(calls) == 2
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["lr=[1e-3]", "a?b*", "back\\slash", "sd[1]"])
def test_no_path_is_a_pattern(tmp_path, name):
    neighbour, folder = tmp_path / "sd1", tmp_path / name
    saved(neighbour, 5, 6)
    before = {path.name: path.read_bytes() for path in neighbour.iterdir()}
    assert checkpoint_steps(str(folder)) == []
    saved(folder, 10, 20, 30, keep=1)
    assert value(folder) == 30.0
    assert checkpoint_steps(str(folder)) == [30]
    assert {path.name: path.read_bytes() for path in neighbour.iterdir()} == before


def test_what_others_left_is_removed_and_other_files_stay(tmp_path):
    for left in (
        "checkpoint.tmp1234",
        "ckpt-7.data-00000-of-00001",
        "checkpoint.ab12cd34.new",
        "ckpt-8.index.tempstate12",
    ):
        (tmp_path / left).write_text("")
    for left in ("ckpt-9_temp", "ckpt-9.new"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "part").write_text("")
    (tmp_path / "notes.txt").write_text("mine")
    saved(tmp_path, 10)
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", "ckpt-10.data-00000-of-00001", "ckpt-10.index", "notes.txt"]


@pytest.mark.parametrize("state", [b"", b"\xff\xfe", b'model_checkpoint_path: "gone"\n', None])
def test_the_file_that_tensorflow_reads_may_be_lost_or_damaged(tmp_path, state):
    saved(tmp_path, 10)
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "ckpt-10")
    (tmp_path / "checkpoint").unlink()
    if state is not None:
        (tmp_path / "checkpoint").write_bytes(state)
    assert value(tmp_path) == 10.0
    saved(tmp_path, 20)
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "ckpt-20")


@pytest.mark.processes
def test_a_checkpoint_on_a_full_disk_is_refused_in_a_sentence_and_the_one_before_stays(tmp_path):
    saved(tmp_path, 10)
    code = (
        "import resource, signal, sys; import tensorflow as tf\n"
        "from tf_emcom.runtime.checkpoint_files import UserError, write_checkpoint\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    write_checkpoint(tf.train.Checkpoint(v=tf.Variable(tf.zeros([1000]))), sys.argv[1], 20, 3)\n"
        "except UserError as error:\n    print(error)"
    )
    done = subprocess.run([*commands.python(), "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=200)
    assert "ckpt-20 cannot be written (" in done.stdout and done.stdout.count("\n") == 1, done.stderr
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", "ckpt-10.data-00000-of-00001", "ckpt-10.index"]


def test_a_folder_that_was_removed_does_not_come_back_without_the_rest(tmp_path):
    with pytest.raises(UserError, match="ckpt-10 cannot be written .No such file or directory"):
        saved(tmp_path / "run" / "checkpoints", 10)
    assert os.listdir(tmp_path) == []


def test_reading_makes_no_files(tmp_path):
    class Agents:
        agents = optimizer_state = {}

    assert Checkpoints(str(tmp_path / "checkpoints"), Agents()).restore_latest() == 0
    assert os.listdir(tmp_path) == []
