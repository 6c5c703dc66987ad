import numpy as np
import pytest
from matplotlib.image import imread

from tf_emcom.plots import Series, draw_curves, draw_panels

X = [0.0, 0.25, 0.5, 0.75]
FALLING = [0.9, 0.8, 0.6, 0.3]
INTERVALS = [(y - 0.05, y + 0.05) for y in FALLING]
# The first colour of viridis, which the first curve has.
FIRST = np.array([0.267, 0.005, 0.329])


def curves(count):
    return [Series(str(i), X, [y / (i + 1) for y in FALLING], INTERVALS, chance=0.1 / (i + 1)) for i in range(count)]


def drawn(path, series, **options):
    draw_curves(series, "erasure probability", "accuracy", str(path), **options)
    return imread(path)[..., :3]


def pixels_like(picture, colour):
    """Rows and columns of the pixels of one colour."""
    return np.argwhere(np.abs(picture - colour).max(axis=-1) < 0.02)


@pytest.mark.parametrize("count", [1, 5, 12])
def test_picture_is_a_png_of_a_bounded_size(tmp_path, count):
    assert 300 < min(drawn(tmp_path / "curves.png", curves(count)).shape[:2]) < 1000


def test_the_same_curves_give_the_same_bytes(tmp_path):
    for name, count in (("one", 3), ("same", 3), ("other", 2)):
        drawn(tmp_path / name, curves(count))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "same").read_bytes() != (tmp_path / "other").read_bytes()
    # No date, no version: nothing but pixels and their resolution.
    assert b"tEXt" not in (tmp_path / "one").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other", "same"]


def test_a_falling_curve_falls(tmp_path):
    dark = pixels_like(drawn(tmp_path / "falling.png", [Series("one", X, FALLING)]), FIRST)
    left, right = (dark[dark[:, 1] == column, 0].mean() for column in (dark[:, 1].min(), dark[:, 1].max()))
    assert right - left > 100


def test_values_beyond_accuracies_are_drawn_too(tmp_path):
    inside, beyond = (
        pixels_like(drawn(tmp_path / "loss.png", [Series("loss", X, np.array(FALLING) * factor)]), FIRST)
        for factor in (1.0, 40.0)
    )
    # The curve fills the height, which it does not on axes from 0 to 1.
    assert np.ptp(beyond[:, 0]) > 1.2 * np.ptp(inside[:, 0])


def test_interval_and_chance_are_drawn(tmp_path):
    bare, whole = (
        drawn(tmp_path / "curves.png", [Series("a", X, FALLING, *more), Series("b", X, FALLING[::-1])])
        for more in ((), (INTERVALS, 0.1))
    )
    band = 0.25 * FIRST + 0.75
    assert len(pixels_like(whole, band)) > 1000 > len(pixels_like(bare, band))
    # Chance is a dotted line near the bottom of the axes, where no curve is.
    near = slice(int(0.78 * whole.shape[0]), int(0.82 * whole.shape[0]))
    marked = [(picture[near, 100:600].mean(axis=-1) < 0.8).sum() for picture in (whole, bare)]
    assert marked[0] > 100 > marked[1]


def test_colours_differ_in_grey(tmp_path):
    picture = drawn(tmp_path / "curves.png", [Series(str(i), X, [0.1 + 0.2 * i] * 4) for i in range(5)])
    # From above to below, the darkest pixel of each curve in a column without a marker; the x axis is below them.
    grey = picture.mean(axis=-1)[:, picture.shape[1] // 5]
    lines = np.split(np.flatnonzero(grey < 0.75), np.flatnonzero(np.diff(np.flatnonzero(grey < 0.75)) > 10) + 1)
    shades = [grey[line].min() for line in lines if len(line) < 10]
    assert len(shades) == 6
    assert (np.diff(shades[:5]) < -0.04).all()


def test_panels_stand_side_by_side_with_one_legend(tmp_path):
    path = str(tmp_path / "panels.png")
    draw_panels({f"noise {n}": curves(2) for n in range(4)}, "input noise", "accuracy", path, legend="candidates")
    height, width = imread(path).shape[:2]
    assert width > 3 * height
