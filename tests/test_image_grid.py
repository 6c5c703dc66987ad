import numpy as np
import pytest
from matplotlib.image import imread

from tf_emcom.plots import draw_image_pairs

RED, GREEN, BLUE = np.eye(3)


def plain(*colours, size=16):
    """One image of 16x16 pixels for each colour, in [−1, 1]."""
    return np.broadcast_to(2.0 * np.array(colours)[:, np.newaxis, np.newaxis] - 1.0, (len(colours), size, size, 3))


def drawn(path, originals, reconstructions):
    draw_image_pairs(originals, reconstructions, str(path))
    return imread(path)[..., :3]


def middle(picture, colour):
    """Row and column of the middle of what has a colour."""
    return np.argwhere(np.abs(picture - colour).max(axis=-1) < 0.02).mean(axis=0)


def test_originals_stand_above_their_reconstructions(tmp_path):
    picture = drawn(tmp_path / "pairs.png", plain(RED, GREEN), plain(BLUE, RED + GREEN))
    red, green, blue, yellow = (middle(picture, c) for c in (RED, GREEN, BLUE, RED + GREEN))
    assert blue[0] - red[0] > 90 and yellow[0] - green[0] > 90
    assert green[1] - red[1] > 90 and yellow[1] - blue[1] > 90
    assert abs(red[0] - green[0]) < 2 and abs(red[1] - blue[1]) < 2


def test_more_than_eight_pairs_go_on_below(tmp_path):
    picture = drawn(tmp_path / "pairs.png", plain(*[RED] * 8, GREEN), plain(*[BLUE] * 9))
    assert middle(picture, GREEN)[0] - middle(picture, RED)[0] > 180
    assert picture.shape[1] < 1200


def test_bytes_and_floats_give_the_same_picture(tmp_path):
    floats = plain(RED, GREEN)
    given = (floats, ((floats + 1.0) * 127.5).astype(np.uint8))
    one, other = (drawn(tmp_path / f"{i}.png", images, images) for i, images in enumerate(given))
    np.testing.assert_array_equal(one, other)


def test_what_lies_beyond_the_limits_is_cut_off(tmp_path):
    one, other = (drawn(tmp_path / "pairs.png", plain(RED), factor * plain(GREEN)) for factor in (1.0, 3.0))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("count", [1, 3, 8])
def test_the_same_images_give_the_same_bytes(tmp_path, count):
    images = np.random.default_rng(0).uniform(-1, 1, (count, 64, 64, 3))
    first, second = (drawn(tmp_path / f"{i}.png", images, images * 0.5) for i in range(2))
    np.testing.assert_array_equal(first, second)
    assert (tmp_path / "0.png").read_bytes() == (tmp_path / "1.png").read_bytes()
