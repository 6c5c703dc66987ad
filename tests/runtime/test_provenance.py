"""Every start of a run leaves a line about command, code and machine."""

import json
import subprocess

import pytest

import tf_emcom
from tests import commands
from tf_emcom import cli
from tf_emcom.runtime import provenance


def starts(run):
    return [json.loads(line) for line in (run / "environment.json").read_text().splitlines()]


@pytest.mark.slow
def test_every_start_adds_a_line_and_a_run_that_is_trained_adds_none(tmp_path):
    run = tmp_path / "run"
    for steps in (4, 4, 6):
        cli.run(["gin/lg_s_digits.gin"], [*commands.TINY, f"steps={steps}", "CosineDecay.steps=4"], str(run))
    found = starts(run)
    assert len(found) == 2
    assert found[0]["versions"]["tf_emcom"] == tf_emcom.__version__
    assert found[0]["devices"] and found[0]["cores"] >= 1 and found[0]["processor"]
    assert "host" not in found[0]


def test_the_machines_name_is_written_only_if_asked_for(monkeypatch):
    monkeypatch.setenv("TF_EMCOM_RECORD_HOST", "1")
    assert provenance.environment()["host"]


def test_the_commit_is_that_of_the_folder_and_changes_are_noticed(tmp_path):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path)]
    assert provenance._commit(tmp_path) is None
    (tmp_path / "file").write_text("1")
    for words in (["init", "--quiet"], ["add", "file"], ["commit", "--quiet", "-m", "first"]):
        subprocess.run([*git, *words], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert provenance._commit(tmp_path) == {"commit": head, "changed": False}
    (tmp_path / "file").write_text("2")
    assert provenance._commit(tmp_path) == {"commit": head, "changed": True}
