import os
import pathlib

import pytest
import tensorflow as tf

from tests import commands
from tf_emcom.errors import UserError
from tf_emcom.tools.export.contents import whole_folder


def write(path, texts):
    with whole_folder(str(path), "about/first", "last") as new:
        for name, text in texts.items():
            tf.io.gfile.makedirs(f"{new}/{name}".rpartition("/")[0])
            with open(f"{new}/{name}", "w") as file:
                file.write(text)


def contents(path):
    found = {}
    for folder, _, names in tf.io.gfile.walk(str(path)):
        for name in names:
            with tf.io.gfile.GFile(f"{folder.rstrip('/')}/{name}") as file:
                found[f"{folder.rstrip('/')}/{name}".removeprefix(f"{path}/")] = file.read()
    return found


OLD = {"about/first": "1", "only_old": "1", "part/a": "1", "last": "1"}
NEW = {"about/first": "2", "only_new": "2", "part/a": "2", "last": "2"}


@pytest.fixture(params=["disk", "cloud"])
def path(request, tmp_path):
    return tmp_path / "above" / "out" if request.param == "disk" else f"ram://{tmp_path.name}/above/out"


def test_the_old_folder_is_replaced_as_a_whole(path):
    write(path, OLD)
    assert contents(path) == OLD
    write(path, NEW)
    assert contents(path) == NEW


def test_a_failure_leaves_the_old_folder(path, tmp_path):
    write(path, OLD)
    with pytest.raises(ZeroDivisionError), whole_folder(str(path), "about/first", "last") as new:
        tf.io.gfile.makedirs(f"{new}/about")
        raise ZeroDivisionError
    assert contents(path) == OLD
    assert not [name for name in commands.snapshot(tmp_path) if ".new" in name or ".old" in name]


def test_an_unfinished_copy_to_the_cloud_cannot_be_opened_but_is_known_as_an_export(tmp_path):
    path = f"ram://{tmp_path.name}/half"
    write(path, OLD)
    with pytest.raises(UserError, match="cannot be written"), whole_folder(path, "about/first", "last") as new:
        for name in ("about", "part"):
            os.makedirs(f"{new}/{name}")
        for name in ("about/first", "last"):
            pathlib.Path(new, name).write_text("2")
        # This file cannot be copied.
        os.symlink("/nowhere/at/all", f"{new}/part/a")
    left = contents(path)
    assert left == {"about/first": "2", "part/a": "1"}


def test_a_folder_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write(tmp_path / "file" / "out", NEW)
