"""What a worker sees of a run's folder."""

import os

import pytest

from tests import commands
from tf_emcom.files import with_checksum
from tf_emcom.runtime.run_folder import RunFolder, WorkerFolder


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(str(tmp_path / "run"))
    folder.lock()
    folder.write_config("steps = 4\n")
    folder.write_document("speaker.gin", "x = 1\n")
    folder.append_metrics({"step": 2})
    return folder


def test_a_worker_reads_what_the_chief_wrote(run):
    worker = WorkerFolder(run.path)
    assert worker.read_config() == worker.require_config() == with_checksum("steps = 4\n")
    assert worker.has_document("speaker.gin") and not worker.has_document("other.gin")
    assert worker.has_results()
    assert worker.checkpoints == run.checkpoints != worker.new_checkpoints


def test_nothing_that_a_worker_writes_reaches_the_run(run, tmp_path):
    before = commands.snapshot(tmp_path)
    worker = WorkerFolder(run.path)
    worker.lock()
    worker.write_config("steps = 5\n")
    worker.write_document("speaker.gin", "x = 2\n")
    worker.append_metrics({"step": 4})
    worker.forget_metrics_after(0)
    worker.prepare_results()
    worker.write_evaluation("test", [{"step": 4}])
    assert not worker.figure("test").startswith(run.path)
    assert not worker.tensorboard.startswith(run.path)
    assert commands.snapshot(tmp_path) == before


def test_what_a_worker_wrote_goes_away_with_it(run):
    worker = WorkerFolder(run.path)
    worker.append_metrics({"step": 4})
    scratch = os.path.dirname(worker.tensorboard)
    assert os.path.isdir(scratch)
    del worker
    assert not os.path.exists(scratch)
