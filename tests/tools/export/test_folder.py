"""Damaged small files of an export, and of the exported run."""

import os

import pytest

from tf_emcom.errors import UserError
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.tools.export.folder import ExportFolder


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"step": ', b"{}", b'{"step": "4"}', b"\xff\xfe", b"[" * 100_000])
def test_damaged_metadata_are_reported_in_one_sentence(tmp_path, content):
    (tmp_path / "assets").mkdir()
    path = tmp_path / "assets" / "metadata.json"
    path.write_bytes(b'{"step": 4}')
    assert ExportFolder(str(tmp_path)).restore_agents(None) == 4
    path.write_bytes(content)
    with pytest.raises(UserError, match="metadata.json is damaged .*; export .* again, with tf-emcom export") as raised:
        ExportFolder(str(tmp_path)).restore_agents(None)
    assert "\n" not in str(raised.value)


def test_results_of_tests_are_found_below_any_path_and_damage_is_reported_in_one_sentence(tmp_path):
    """Results are part of an export's metadata."""
    run = tmp_path / "lr=[1e-3]*?"
    (run / "eval").mkdir(parents=True)
    (run / "eval" / "test.jsonl").write_text('{"step": 1}\n{"step": 2}\n')
    (run / "eval" / "notes.txt").write_text("mine")
    assert RunFolder(str(run)).read_evaluations() == {"test": [{"step": 1}, {"step": 2}]}
    for content in (b'{"step": 1}\n{"st', b"[1]\n", b"\xff", b"[" * 100_000):
        (run / "eval" / "test.jsonl").write_bytes(content)
        with pytest.raises(UserError, match="eval/test.jsonl.* is damaged .*; run that test again"):
            RunFolder(str(run)).read_evaluations()
    (run / "eval" / "test.jsonl").unlink()
    os.mkfifo(run / "eval" / "test.jsonl")
    with pytest.raises(UserError, match="is no regular file"):
        RunFolder(str(run)).read_evaluations()
