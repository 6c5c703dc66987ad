"""Training on folders like the published ones."""

import pytest

from tests import commands, feature_folders
from tf_emcom.files import read_json_lines

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("with_info", [True, False], ids=["with dataset_info.json", "without"])
def test_training_and_testing_on_a_byol_imagenet_folder(tmp_path, with_info):
    feature_folders.write_byol_folder(
        tmp_path / "data", examples={"train": 96, "valid": 32, "test": 64}, with_info=with_info
    )
    run = tmp_path / "run"
    params = [*commands.TINY, "batch_size=16"]
    trained = commands.start(
        "train", "--gin_file=gin/nlg_imagenet.gin", f"--data_dir={tmp_path / 'data'}", f"--workdir={run}", params=params
    )
    assert trained.returncode == 0, trained.stderr
    rows = read_json_lines(str(run / "metrics.jsonl"), "")
    assert [row["step"] for row in rows] == [2, 4]
    tested = commands.start(
        "evaluate", f"--workdir={run}", f"--data_dir={tmp_path / 'data'}", params=["TestChannel.passes=1"]
    )
    assert tested.returncode == 0, tested.stderr
    cells = read_json_lines(str(run / "eval" / "testchannel.jsonl"), "")
    assert {(cell["candidates"], cell["games"]) for cell in cells} == {(16, 64), (64, 64)}
