"""What --json names is written, or refused in a sentence."""

import json
import os

import pytest

from tf_emcom.errors import UserError
from tf_emcom.runtime.run_folder import require_writable, write_json


def test_content_is_written_to_be_read_by_programs_and_people(tmp_path):
    path = str(tmp_path / "found.json")
    write_json(path, {"a": [1, 2.5], "b": None})
    text = (tmp_path / "found.json").read_text()
    assert json.loads(text) == {"a": [1, 2.5], "b": None}
    assert text.count("\n") > 3


def test_a_path_that_cannot_be_written_is_named_with_the_remedy(tmp_path):
    with pytest.raises(UserError, match=r"/none/found.json cannot be written .*; make room or get the rights"):
        write_json(str(tmp_path / "none" / "found.json"), {})


def test_a_path_is_tried_before_anything_is_measured(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "old.json").write_text("{}")
    for name in ("none/found.json", "pipe", "."):
        with pytest.raises(UserError, match="cannot be written .*; name another file with --json"):
            require_writable(str(tmp_path / name))
    require_writable(str(tmp_path / "old.json"))
    require_writable(str(tmp_path / "new.json"))
    require_writable("/dev/null")
    assert (tmp_path / "old.json").read_text() == "{}" and not (tmp_path / "new.json").exists()
