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
