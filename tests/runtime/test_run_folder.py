import pytest

from tf_emcom.errors import UserError
from tf_emcom.runtime.run_folder import RunFolder


def test_a_figures_folder_is_there_when_its_path_is(tmp_path):
    path = RunFolder(str(tmp_path / "run")).figure("testinput")
    assert path == str(tmp_path / "run" / "figures" / "testinput.png")
    assert (tmp_path / "run" / "figures").is_dir()


def test_a_figures_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "figures").write_text("")
    with pytest.raises(UserError, match="figures cannot be made"):
        RunFolder(str(tmp_path)).figure("testinput")


def test_what_a_kill_left_of_a_file_is_no_reason_to_refuse_a_folder(tmp_path):
    (tmp_path / "config.gin.123.new").write_text("batch_size = ")
    assert RunFolder(str(tmp_path)).read_config() is None
    (tmp_path / "notes").write_text("")
    with pytest.raises(UserError, match="no run's folder"):
        RunFolder(str(tmp_path)).read_config()


def test_metrics_that_cannot_be_written_are_told(tmp_path):
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(UserError, match="metrics.jsonl cannot be written .*; mend that, and the same command goes on"):
        RunFolder(str(tmp_path)).append_metrics({"step": 1})
