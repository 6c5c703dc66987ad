import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from tf_emcom.errors import UserError
from tf_emcom.plots import write_png


def figure(colour="white"):
    return Figure(figsize=(1.0, 2.0), facecolor=colour)


def test_a_picture_has_the_figures_size_at_120_pixels_an_inch(tmp_path):
    write_png(figure(), str(tmp_path / "a.png"))
    assert imread(tmp_path / "a.png").shape[:2] == (240, 120)


def test_a_new_picture_takes_the_place_of_an_old_one(tmp_path):
    for colour in ("white", "black"):
        write_png(figure(colour), str(tmp_path / "a.png"))
    assert np.all(imread(tmp_path / "a.png")[..., :3] == 0.0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_picture_goes_to_any_file_system_of_tensorflow():
    import tensorflow as tf

    write_png(figure(), "ram://figures/a.png")
    with tf.io.gfile.GFile("ram://figures/a.png", "rb") as file:
        assert file.read().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(UserError, match="a.png cannot be written"):
        write_png(figure(), str(tmp_path / "missing" / "a.png"))
