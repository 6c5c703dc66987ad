"""From scenes to images: one shape of one colour, with anti-aliased edges."""

import math

import numpy as np

from tf_emcom.data.scenes import FACTORS, Scenes

SIDE = 32  # pixels, height and width of an image
_SPACING = 5.2  # pixels between neighbouring places of the grid, which lies in the middle of the image
# Of the circle, in pixels, in the order of the sizes: twice the area each. All shapes of one size have the same area,
# and even the largest triangle, which reaches farthest, stays within the image.
_RADII = np.array([2.5, 3.5, 4.9], np.float32)
# In the order of the colours.
_RGB = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1]], np.float32)


def render(scenes: Scenes) -> np.ndarray:
    """Returns the images of N scenes: uint8 [N, 32, 32, 3], red, green and blue."""
    background = scenes.background[:, None, None, None]
    colour = (_RGB[scenes.factors[:, 1]] * scenes.luminance[:, None])[:, None, None, :]
    image = background + _coverage(scenes)[..., None] * (colour - background)
    return (image * 255 + 0.5).astype(np.uint8)


def _coverage(scenes: Scenes) -> np.ndarray:
    """Which share of each pixel the shape covers, float32 [N, 32, 32]."""
    places = len(FACTORS["row"])
    centre = SIDE / 2 + _SPACING * (scenes.factors[:, 3:5] - (places - 1) / 2) + scenes.offset
    pixels = np.arange(SIDE, dtype=np.float32) + 0.5
    down = (pixels - centre[:, :1].astype(np.float32))[:, :, None]
    right = (pixels - centre[:, 1:].astype(np.float32))[:, None, :]
    radius = _RADII[scenes.factors[:, 2]][:, None, None]
    distance = np.empty((len(centre), SIDE, SIDE), np.float32)
    for shape, signed_distance in enumerate((_circle, _square, _triangle, _cross)):
        rows = scenes.factors[:, 0] == shape
        distance[rows] = signed_distance(down[rows], right[rows], radius[rows])
    return np.clip(0.5 - distance, 0, 1)


# Signed distances in pixels, negative inside, of points [N, 32, 1] below and [N, 1, 32] right of the centre from the
# border of a shape that has the area of a circle of `radius` [N, 1, 1].


def _circle(down: np.ndarray, right: np.ndarray, radius: np.ndarray) -> np.ndarray:
    return np.sqrt(down**2 + right**2) - radius


def _square(down: np.ndarray, right: np.ndarray, radius: np.ndarray) -> np.ndarray:
    half_side = radius * np.float32(math.sqrt(math.pi) / 2)
    return np.maximum(abs(down), abs(right)) - half_side


def _triangle(down: np.ndarray, right: np.ndarray, radius: np.ndarray) -> np.ndarray:
    # Equilateral, one corner up, centred at its centroid; its area is 3 √3 times its inner radius squared.
    inner_radius = radius * np.float32(math.sqrt(math.pi / math.sqrt(27)))
    return np.maximum(abs(right) * np.float32(math.sqrt(0.75)) - down / 2, down) - inner_radius


def _cross(down: np.ndarray, right: np.ndarray, radius: np.ndarray) -> np.ndarray:
    # Five equal squares in the form of a plus.
    half_width = radius * np.float32(math.sqrt(math.pi / 20))
    down, right = abs(down), abs(right)
    return np.minimum(
        np.maximum(down - 3 * half_width, right - half_width), np.maximum(down - half_width, right - 3 * half_width)
    )
