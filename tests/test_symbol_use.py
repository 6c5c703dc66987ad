import numpy as np
import pytest
from matplotlib.image import imread

from tf_emcom.plots import draw_symbol_use

# The colours of 1 and of 0.
VIRIDIS = (np.array([0.993, 0.906, 0.144]), np.array([0.267, 0.005, 0.329]))


def draw(shares, path):
    draw_symbol_use(np.asarray(shares), str(path))
    return path


@pytest.mark.parametrize("shape", [(1, 1), (10, 20), (4, 3000)])
def test_picture_is_a_png_of_a_bounded_size(tmp_path, shape):
    shares = np.random.default_rng(0).dirichlet(np.ones(shape[1]), shape[0])
    pixels = imread(draw(shares, tmp_path / "use.png"))
    assert 200 < min(pixels.shape[:2]) and max(pixels.shape[:2]) < 1500


def test_the_same_use_gives_the_same_bytes(tmp_path):
    shares = np.random.default_rng(0).dirichlet(np.ones(5), 3)
    first, second = (draw(shares, tmp_path / f"{i}.png").read_bytes() for i in range(2))
    assert first == second
    assert first != draw(shares[::-1], tmp_path / "other.png").read_bytes()


def test_colours_tell_what_is_said_where(tmp_path):
    # The first of three positions says the first of three symbols: bright above left, dark elsewhere. The others say
    # all three alike.
    pixels = imread(draw([[1.0, 0.0, 0.0], [1 / 3] * 3, [1 / 3] * 3], tmp_path / "use.png"))[..., :3]
    bright, dark = (np.argwhere(np.abs(pixels - colour).max(axis=-1) < 0.01) for colour in VIRIDIS)
    assert len(bright) > 1000 and len(dark) > 1000
    # Medians: the colour bar has some of both, too.
    (upper, left), (lower, also_left) = np.median(bright, axis=0), np.median(dark, axis=0)
    assert upper < lower
    assert max(left, also_left) < pixels.shape[1] / 3
