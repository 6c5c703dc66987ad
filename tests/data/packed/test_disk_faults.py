"""Fails every file operation of packing in turn: one sentence, nothing left behind, and the same cache in the end."""

import builtins
import collections
import contextlib
import errno
import fcntl
import json
import os
import shutil
import signal

import numpy as np
import pytest

from tests.data.packed.twelve_examples import ARRAYS, Split, assert_whole, load
from tf_emcom.errors import UserError

OPERATIONS = (
    *((builtins, "open"), (os, "fsync"), (os, "replace"), (os, "remove"), (os, "stat"), (os, "listdir")),
    *((os, "makedirs"), (shutil, "disk_usage"), (fcntl, "flock")),
)


@pytest.fixture
def split(tmp_path):
    (tmp_path / "own" / "1.0.0").mkdir(parents=True)
    return Split(tmp_path / "own" / "1.0.0")


class Killed(BaseException):
    """Stands for the end of a process: no file operation after it is done either, not even in a `finally`."""


def killed():
    raise Killed


class Faults:
    """Counts the file operations below a folder; fails the n-th, and those after it where that lasts."""

    def __init__(self, root, last=None, fault=None, lasting=False):
        self.root, self.last, self.fault, self.lasting = str(root), last, fault, lasting
        self.done = []

    @contextlib.contextmanager
    def installed(self):
        with contextlib.ExitStack() as stack:
            for module, name in OPERATIONS:
                stack.callback(setattr, module, name, getattr(module, name))
                setattr(module, name, self._failing(name, getattr(module, name)))
            yield self

    def _failing(self, name, operation):
        def run(first, *args, **given):
            if self._is_mine(first):
                self.done.append(name)
                number = len(self.done) - 1
                if self.last is not None and (number == self.last or self.lasting and number > self.last):
                    self.fault()
            return operation(first, *args, **given)

        return run

    def _is_mine(self, given):
        if hasattr(given, "fileno"):
            given = given.fileno()
        path = os.readlink(f"/proc/self/fd/{given}") if isinstance(given, int) else str(given)
        return path.startswith(self.root)


def refused(code):
    def fault():
        raise OSError(code, os.strerror(code))

    return fault


@pytest.fixture
def operations(tmp_path, split):
    """How many file operations packing takes."""
    with Faults(tmp_path / "count").installed() as counting:
        load(split, tmp_path / "count")
    assert len(counting.done) > 30 and {*counting.done} == {name for _, name in OPERATIONS}
    return len(counting.done)


@pytest.mark.slow
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.ENOENT], ids=errno.errorcode.get)
def test_operation_that_fails_is_one_sentence_and_the_next_call_has_the_same_cache(
    tmp_path, split, operations, code, lasting
):
    outcomes = collections.Counter()
    for last in range(operations):
        cache = tmp_path / f"cache-{last}"
        with Faults(cache, last, refused(code), lasting).installed() as faults:
            try:
                load(split, cache)
                outcomes["went on"] += 1
            except UserError as error:
                outcomes["sentence"] += 1
                assert "\n" not in str(error) and str(error).endswith("."), str(error)
        assert len(faults.done) > last
        assert_whole(split, cache)
    assert outcomes["sentence"] > 5


def test_every_kill_leaves_what_the_next_call_finishes(tmp_path, split, operations):
    for last in range(operations):
        cache = tmp_path / f"cache-{last}"
        with Faults(cache, last, killed, lasting=True).installed(), contextlib.suppress(Killed):
            load(split, cache)
        assert_whole(split, cache)


def test_file_system_without_locks_is_warned_of(tmp_path, split, monkeypatch, capsys):
    monkeypatch.setattr(fcntl, "flock", lambda file, flags: refused(errno.ENOLCK)())
    np.testing.assert_array_equal(load(split, tmp_path / "cache")["logit"], ARRAYS["logit"])
    assert capsys.readouterr().err.count("has no locks") == 1


def test_cache_folder_that_is_deleted_while_packing_is_named(tmp_path, split, monkeypatch):
    cache, wait = tmp_path / "cache", os.fsync

    def fsync(file):
        wait(file)
        shutil.rmtree(cache, ignore_errors=True)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(UserError, match=f"{cache}.*No such file or directory"):
        load(split, cache)
    monkeypatch.setattr(os, "fsync", wait)
    assert_whole(split, cache)


@pytest.mark.parametrize("name", ["logit.bin.part", "logit.json.part", "logit.json", "logit.bin"])
@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_pipe_or_dangling_link_in_the_cache_is_replaced(tmp_path, split, name, kind):
    cache = tmp_path / "cache"
    load(split, cache)
    path = next(cache.rglob("logit.json")).with_name(name)
    path.unlink(missing_ok=True)
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/nowhere/at/all")
    signal.alarm(60)  # Instead of waiting for a writer for ever.
    try:
        assert_whole(split, cache)
    finally:
        signal.alarm(0)
    assert not os.path.lexists(path) or path.is_file()


@pytest.mark.parametrize("content", ["", "{", "5\n", "[1, 2]\n", "\xff\n", "[" * 9999, '"blocks": [[2,'], ids=range(7))
def test_damaged_description_of_what_is_half_packed_is_never_believed(tmp_path, split, content):
    cache = tmp_path / "cache"
    split.stop = 8
    with pytest.raises(KeyboardInterrupt):
        load(split, cache)
    split.stop = None
    path = next(cache.rglob("logit.json.part"))
    rows = json.loads(path.read_text())["blocks"]
    assert [row for row, _ in rows] == [3, 0, 5]
    path.write_text(path.read_text().replace('"blocks": [[3,', content) if "blocks" in content else content, "latin-1")
    assert_whole(split, cache)


def test_what_killed_packings_of_other_types_left_is_removed(tmp_path, split):
    cache = tmp_path / "cache"
    load(split, cache)
    place = next(cache.rglob("logit.bin")).parent
    for name in ("logit-float16.bin.part", "logit-float16.json.part", "label.json.0a1b2c3d.new"):
        (place / name).write_text("left")
    assert_whole(split, cache)
