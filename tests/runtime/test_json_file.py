"""What --json names is written, or refused in a sentence."""

import json

import pytest

from tf_emcom.errors import UserError
from tf_emcom.runtime.json_file import write_json


def test_content_is_written_to_be_read_by_programs_and_people(tmp_path):
    path = str(tmp_path / "found.json")
    write_json(path, {"a": [1, 2.5], "b": None})
    text = (tmp_path / "found.json").read_text()
    assert json.loads(text) == {"a": [1, 2.5], "b": None}
    assert text.count("\n") > 3


def test_a_path_that_cannot_be_written_is_named_with_the_remedy(tmp_path):
    with pytest.raises(UserError, match=r"--json is .*/none/found.json, which cannot be written .*; name another file"):
        write_json(str(tmp_path / "none" / "found.json"), {})
