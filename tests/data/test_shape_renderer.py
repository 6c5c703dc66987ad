"""Compares the renderer with counting points inside polygons, a method that shares no formula with it."""

import numpy as np
import pytest

from tf_emcom.data import shapes
from tf_emcom.data.shapes import FACTORS, render

COUNT = 300
FINER = 8  # points counted along each side of a pixel
RADII = {"small": 2.5, "medium": 3.5, "large": 4.9}
RGB = {
    "red": (1, 0, 0),
    "yellow": (1, 1, 0),
    "green": (0, 1, 0),
    "cyan": (0, 1, 1),
    "blue": (0, 0, 1),
    "magenta": (1, 0, 1),
}
TURN = np.linspace(0, 2 * np.pi, 256, endpoint=False)
# Corners (down, right) around the centroid, of any size.
POLYGONS = {
    "circle": np.stack([np.cos(TURN), np.sin(TURN)], axis=1),
    "square": np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)]),
    "triangle": np.array([(-2, 0), (1, np.sqrt(3)), (1, -np.sqrt(3))]),
    "cross": np.array(
        [(-3, -1), (-3, 1), (-1, 1), (-1, 3), (1, 3), (1, 1), (3, 1), (3, -1), (1, -1), (1, -3), (-1, -3), (-1, -1)]
    ),
}


def area(corners):
    """The shoelace formula."""
    (down, right), (next_down, next_right) = corners.T, np.roll(corners, -1, axis=0).T
    return abs((down * next_right - next_down * right).sum()) / 2


def share_inside(corners):
    """The share of each of 32 x 32 pixels that lies inside, by the even-odd rule for 64 points of each."""
    points = (np.arange(32 * FINER) + 0.5) / FINER
    down, right = points[:, None], points[None, :]
    inside = np.zeros((len(points), len(points)), bool)
    for (d0, r0), (d1, r1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (d0 <= down) != (d1 <= down)
        inside ^= crosses & (right < r0 + (down - d0) / (d1 - d0 if d1 != d0 else 1) * (r1 - r0))
    return inside.reshape(32, FINER, 32, FINER).mean(axis=(1, 3))


def picture(scene):
    """What should be seen, float [32, 32, 3] in 0 to 1."""
    shape, colour, size = (list(FACTORS.values())[k][scene.factors[k]] for k in range(3))
    corners = POLYGONS[shape]
    corners = corners * np.sqrt(np.pi * RADII[size] ** 2 / area(corners))
    covered = share_inside(corners + 16 + 5.2 * (scene.factors[3:] - 1.5) + scene.offset)[..., None]
    return covered * np.array(RGB[colour]) * scene.luminance + (1 - covered) * scene.background


@pytest.fixture(scope="module")
def drawn():
    return shapes.draw(np.random.Generator(np.random.PCG64(5)), COUNT)


def test_images_are_what_points_inside_polygons_give(drawn):
    images = render(drawn) / 255
    expected = np.stack([picture(shapes.Scenes(*(values[row] for values in drawn))) for row in range(COUNT)])
    error = np.abs(images - expected)
    # Away from edges only rounding to levels of 1 / 255 is left, and edges cross less than 3 % of the pixels.
    assert np.quantile(error, 0.97) < 0.5 / 255 + 1e-5
    # Corners are blunter or sharper by a part of a pixel, which small shapes feel most.
    assert error.max() < 0.35
    beyond_rounding = np.maximum(error - 0.5 / 255, 0).sum(axis=(1, 2, 3))
    assert (beyond_rounding / np.abs(expected - expected[:, :1, :1]).sum(axis=(1, 2, 3))).max() < 0.18


def test_images_have_red_green_and_blue_in_whole_levels(drawn):
    images = render(drawn)
    assert (images.shape, images.dtype) == ((COUNT, 32, 32, 3), np.uint8)


def test_an_image_does_not_depend_on_the_others(drawn):
    some = shapes.Scenes(*(values[40:50] for values in drawn))
    np.testing.assert_array_equal(render(some), render(drawn)[40:50])


def test_even_the_farthest_shape_ends_inside_the_image():
    ends = (0, 3)
    factors = np.array([(shape, 0, 2, row, column) for shape in range(4) for row in ends for column in ends], np.int32)
    outwards = np.where(factors[:, 3:] == 0, -shapes.JITTER, shapes.JITTER).astype(np.float32)
    grey, bright = np.zeros(len(factors), np.float32), np.ones(len(factors), np.float32)
    red = render(shapes.Scenes(factors, outwards, bright, grey))[..., 0] / 255
    np.testing.assert_allclose(red.sum(axis=(1, 2)), np.pi * RADII["large"] ** 2, rtol=0.04)
