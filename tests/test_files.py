"""Small files and whole folders: one sentence where they are damaged, the old or the new content after a kill."""

import json
import os
import signal
import subprocess

import pytest
import tensorflow as tf

from tests import commands
from tf_emcom import files
from tf_emcom.errors import UserError

FIX = "write it again"


def killed_child(code, *arguments):
    """Runs Python code that kills itself."""
    done = subprocess.run([*commands.python(), "-c", code, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_whole_file_replaces_the_old_one_and_leaves_nothing(tmp_path):
    path = tmp_path / "a[1].json"
    for text in ("old", "new"):
        files.write_whole(str(path), text)
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a[1].json"]


@pytest.mark.processes
def test_what_a_killed_process_left_of_a_file_is_removed_by_the_next_one(tmp_path):
    path = tmp_path / "a.json"
    code = (
        "import os, signal, sys; from tf_emcom import files\n"
        "files.os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.write_whole(sys.argv[1], 'half')"
    )
    killed_child(code, path)
    assert len(os.listdir(tmp_path)) == 1 and not path.exists()
    files.write_whole(str(path), "whole")
    assert os.listdir(tmp_path) == ["a.json"]


def test_what_a_living_process_writes_stays(tmp_path):
    new = tmp_path / "a.json.1234.new"
    with open(new, "w") as file:
        assert files.try_lock(file) is True
        files.write_whole(str(tmp_path / "a.json"), "ours")
        assert new.exists()
    files.clear_unfinished(str(tmp_path))
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.processes
def test_a_file_on_a_full_disk_keeps_its_old_content(tmp_path):
    with pytest.raises(UserError, match=r"/dev/full/a cannot be written .*; make room"):
        files.write_whole("/dev/full/a", "text")
    path = tmp_path / "a"
    files.write_whole(str(path), "old")
    # Writes beyond a limit of the process fail as those to a full disk do.
    code = (
        "import resource, signal, sys; from tf_emcom import files\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    files.write_whole(sys.argv[1], 'x' * 5000)\nexcept files.UserError as error:\n    print(error)"
    )
    done = subprocess.run([*commands.python(), "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "cannot be written (File too large)" in done.stdout
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is damaged .it is no JSON"),
        (b'{"a": 1', "is damaged .it is no JSON"),
        (b"[1]", "is damaged .it holds no JSON object"),
        (b"\xff\xfe{}", "is damaged .it is no text in UTF-8"),
        (b"[" * 100_000, "is damaged .it is no JSON"),
    ],
)
def test_damaged_json_is_one_sentence(tmp_path, content, said):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"a.json {said}.*; write it again") as raised:
        files.read_json(str(path), FIX)
    assert "\n" not in str(raised.value)


def test_a_byte_order_mark_is_no_damage(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"a": 1}).encode())
    assert files.read_json(str(path), FIX) == {"a": 1}


def test_the_reason_at_the_end_of_a_long_error_is_kept():
    operation = "{{function_node __wrapped__SaveV2_dtypes_107_device_/job:localhost/replica:0/task:0/device:CPU:0}} "
    error = tf.errors.ResourceExhaustedError(None, None, f"{operation}/{'long/' * 60}ckpt-4; No space left on device")
    said = files.reason(error)
    assert said.startswith("/long/") and said.endswith("; No space left on device") and len(said) <= 201


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n{"a"\n')
    with pytest.raises(UserError, match="a.jsonl, line 2, is damaged"):
        files.read_json_lines(str(path), FIX)


ROWS = [{"step": 1, "loss": 0.1 + 0.2, "pairs": [[1e-45, -0.0, 1e300]], "name": "é\\"}, {"step": 2, "loss": None}, {}]


def test_rows_are_read_as_they_were_written(tmp_path):
    files.write_whole(str(tmp_path / "a.jsonl"), files.json_lines(ROWS))
    assert files.read_json_lines(str(tmp_path / "a.jsonl"), FIX) == ROWS
    # As older versions, and others, write them.
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(row, indent=None) + "\n" for row in ROWS))
    assert files.read_json_lines(str(tmp_path / "b.jsonl"), FIX) == ROWS


def test_lines_that_were_cut_off_are_missed(tmp_path):
    path, whole = tmp_path / "a.jsonl", files.whole_json_lines(ROWS)
    path.write_text(whole)
    assert files.read_json_lines(str(path), FIX) == ROWS
    path.write_text(whole.partition("\n")[0] + "\n")
    with pytest.raises(UserError, match=r"a.jsonl is damaged \(2 of its 3 lines are missing\)"):
        files.read_json_lines(str(path), FIX)


def test_no_bit_of_a_row_changes_its_numbers_unnoticed():
    for row in ROWS:
        line = files.json_lines([row])
        for place in range(8 * len(line)):
            changed = bytearray(line.encode())
            changed[place // 8] ^= 1 << place % 8
            try:
                found = files.row_of(changed.decode())
            except ValueError:
                continue
            # A checksum under another name is no checksum; what it stands beside is as it was.
            assert {**row, **found} == found and len(found) <= len(row) + 1


def test_no_bit_of_a_configuration_changes_unnoticed_but_in_the_comment_that_says_so(tmp_path):
    path, text = tmp_path / "config.gin", "seed = 1\nsteps = 20\n"
    path.write_text(files.with_checksum(text))
    assert files.read_text(str(path), FIX).partition("\n")[2] == text
    path.write_text(text)
    assert files.read_text(str(path), FIX) == text
    whole, head = files.with_checksum(text).encode(), len("# checksum: ")
    for place in range(8 * head, 8 * len(whole)):
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(UserError, match="config.gin (was changed after it was written|is damaged).*; write it"):
            files.read_text(str(path), FIX)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="was changed"):
        files.read_text(str(path), FIX)


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.symlink(tmp_path / "nowhere", tmp_path / "dangling")
    for name in ("pipe", "", "dangling"):
        with pytest.raises(UserError, match="no regular file"):
            files.read_text(str(tmp_path / name), FIX)


def test_what_would_be_read_for_ever_is_known_and_locks_nothing(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    found = {name: files.is_irregular(str(tmp_path / name)) for name in ("pipe", "file", "none", ".")}
    assert found == {"pipe": True, "file": False, "none": False, ".": True}
    assert not files.is_irregular("ram://none")
    with pytest.raises(UserError, match="pipe cannot be written .it is no regular file"):
        files.lock(str(tmp_path / "pipe"), "Busy.")


def test_names_are_listed_whatever_the_path_holds(tmp_path):
    folder = tmp_path / "lr=[1e-3]?"
    folder.mkdir()
    (folder / "b").touch()
    (folder / "a").mkdir()
    assert files.names_in(str(folder)) == ["a", "b"]
    assert files.names_in(str(tmp_path / "none")) == []


def test_a_second_lock_is_refused_in_a_sentence_and_a_closed_one_is_free(tmp_path):
    path = str(tmp_path / ".lock")
    with files.lock(path, "Busy."):
        with pytest.raises(UserError, match="^Busy.$"):
            files.lock(path, "Busy.")
    files.lock(path, "Busy.").close()


def test_tensorflow_restores_through_a_path_without_patterns(tmp_path):
    folder = tmp_path / "lr=[1e-3]\\x"
    folder.mkdir()
    with files.without_pattern(str(folder)) as plain:
        path = tf.train.Checkpoint(v=tf.Variable(3.0)).write(os.path.join(plain, "ckpt-1"))
        value = tf.Variable(0.0)
        tf.train.Checkpoint(v=value).read(path).assert_consumed()
    assert value.numpy() == 3.0
    assert (folder / "ckpt-1.index").exists()
    assert not os.path.lexists(plain)


def fill(path, text, fail=False):
    with files.whole_folder(str(path)) as new:
        with open(os.path.join(new, "file"), "w") as file:
            file.write(text)
        if fail:
            raise OSError(28, "No space left on device")


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_whole_folder_replaces_the_old_one_and_leaves_nothing(tmp_path, monkeypatch, exchanges):
    if not exchanges:
        monkeypatch.setattr(files.ctypes, "CDLL", lambda *_, **__: None)
    for text in ("old", "new"):
        fill(tmp_path / "a", text)
    with pytest.raises(UserError, match="a cannot be written .No space left on device"):
        fill(tmp_path / "a", "half", fail=True)
    assert (tmp_path / "a" / "file").read_text() == "new"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.processes
@pytest.mark.parametrize(
    ("at", "exchanges"),
    [("os.rename", False), *((at, exchanges) for at in ("shutil.rmtree", "_exchange") for exchanges in (True, False))],
)
def test_a_kill_leaves_a_whole_folder_and_the_next_one_clears_up(tmp_path, at, exchanges):
    path = tmp_path / "a"
    fill(path, "old")
    code = (
        "import os, signal, sys; from tf_emcom import files\n"
        f"if not {exchanges}: files.ctypes.CDLL = lambda *_, **__: None\n"
        f"before = files.{at}\n"
        "def kill(*given, **named):\n    before(*given, **named)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"files.{at} = kill\n"
        "with files.whole_folder(sys.argv[1]) as new:\n    open(os.path.join(new, 'file'), 'w').write('new')"
    )
    killed_child(code, path)
    files.restore_folder(str(path))
    assert (path / "file").read_text() in ("old", "new")
    fill(path, "newer")
    assert (path / "file").read_text() == "newer"
    assert os.listdir(tmp_path) == ["a"]


def test_two_processes_do_not_write_one_folder(tmp_path):
    path = str(tmp_path / "a")
    with files.whole_folder(path), pytest.raises(UserError, match="Another process is writing"):
        fill(path, "second")
    assert os.listdir(tmp_path) == ["a"]


def test_folders_of_the_user_with_names_like_ours_are_left_alone(tmp_path):
    for name in ("a.new", "a.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "notes").write_text("mine")
    for text in ("old", "new"):
        fill(tmp_path / "a", text)
    assert (tmp_path / "a.new" / "notes").exists() and (tmp_path / "a.old" / "notes").exists()
    assert sorted(os.listdir(tmp_path)) == ["a", "a.new", "a.old"]


def test_a_link_to_a_folder_stays_and_one_to_nowhere_is_refused(tmp_path):
    (tmp_path / "disk" / "a").mkdir(parents=True)
    os.symlink(tmp_path / "disk" / "a", tmp_path / "link")
    os.symlink(tmp_path / "nowhere", tmp_path / "dangling")
    for text in ("old", "new"):
        fill(tmp_path / "link", text)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "disk" / "a" / "file").read_text() == "new"
    assert os.listdir(tmp_path / "disk") == ["a"]
    with pytest.raises(UserError, match="dangling is a link to .*nowhere, where no folder is"):
        fill(tmp_path / "dangling", "new")
    assert (tmp_path / "dangling").is_symlink() and not (tmp_path / "nowhere").exists()
