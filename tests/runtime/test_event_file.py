import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests import event_files
from tf_emcom.runtime.event_file import EventFile

COUNTS = np.array([3, 0, 5])
PICTURE = np.random.default_rng(0).integers(0, 256, (6, 4, 3)).astype(np.uint8)


def written(folder, first, last):
    file = EventFile(str(folder), first)
    for step in range(first + 1, last + 1):
        file.write_scalars(step, {"game/accuracy": step / 10})
    return file


@pytest.mark.slow
def test_numbers_that_were_written_leave_no_memory_behind(tmp_path, resident_megabytes):
    file, generator = EventFile(str(tmp_path), 0), np.random.default_rng(0)

    def write(first, lines):
        for step in range(first, first + lines):
            file.write_scalars(step, {f"loss/{k}": float(value) for k, value in enumerate(generator.random(12))})
        return resident_megabytes()

    begin = write(10**6, 100)
    # 10 MB where TensorFlow keeps every number that there ever was.
    assert write(2 * 10**6, 1_000) - begin < 4


def test_tensorboard_reads_what_was_written(tmp_path):
    file = EventFile(str(tmp_path), 0)
    file.write_scalars(5, {"game/accuracy": 0.25, "speaker/loss": -1.5})
    file.write_markdown(0, "config", "    a = 1")
    file.write_counts(5, "messages/length", COUNTS)
    file.write_picture(5, "games/candidates", PICTURE)
    file.close()
    # TensorBoard's own reader, which sorts by what kind of data it takes each for.
    reader = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    reader.Reload()
    kinds = {tag: reader.SummaryMetadata(tag).plugin_data.plugin_name for tag in reader.Tags()["tensors"]}
    assert kinds == {
        "game/accuracy": "scalars",
        "speaker/loss": "scalars",
        "config": "text",
        "messages/length": "histograms",
        "games/candidates": "images",
    }
    values = {tag: tf.make_ndarray(reader.Tensors(tag)[0].tensor_proto) for tag in kinds}
    assert {tag: reader.Tensors(tag)[0].step for tag in kinds} == {**dict.fromkeys(kinds, 5), "config": 0}
    assert (values["game/accuracy"], values["speaker/loss"]) == (0.25, -1.5)
    assert values["config"].item() == b"    a = 1"
    np.testing.assert_array_equal(values["messages/length"], [[-0.5, 0.5, 3], [0.5, 1.5, 0], [1.5, 2.5, 5]])
    width, height, png = values["games/candidates"]
    assert (width, height) == (b"4", b"6")
    np.testing.assert_array_equal(tf.io.decode_png(png), PICTURE)


def test_going_on_drops_what_will_be_done_again(tmp_path):
    written(tmp_path, 0, 6).close()
    written(tmp_path, 4, 8).close()
    assert len(list(tmp_path.iterdir())) == 2
    points = event_files.scalars(tmp_path)["game/accuracy"]
    assert list(points) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_starting_again_from_step_0_drops_everything(tmp_path):
    written(tmp_path, 0, 6).close()
    (tmp_path / "notes").write_text("mine")
    written(tmp_path, 0, 2).close()
    (tmp_path / "notes").unlink()
    assert list(event_files.scalars(tmp_path)["game/accuracy"]) == [1, 2]


def test_file_that_a_kill_cut_short_is_kept_up_to_there(tmp_path):
    written(tmp_path, 0, 6).close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    written(tmp_path, 3, 4).close()
    assert list(event_files.scalars(tmp_path)["game/accuracy"]) == [1, 2, 3, 4]
