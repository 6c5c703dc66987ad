"""What the images of `Shapes` show: factors drawn independently, and the labels that follow from them."""

from typing import NamedTuple

import numpy as np

# The discrete factors and the names of their values, in the order of their columns.
FACTORS = {
    "shape": ("circle", "square", "triangle", "cross"),
    "colour": ("red", "yellow", "green", "cyan", "blue", "magenta"),
    "size": ("small", "medium", "large"),
    "row": ("top", "upper", "lower", "bottom"),
    "column": ("far left", "left", "right", "far right"),
}
CLASSES = tuple(f"{colour} {shape}" for shape in FACTORS["shape"] for colour in FACTORS["colour"])
ATTRIBUTES = (
    *(f"is a {shape}" for shape in FACTORS["shape"]),
    *(f"is {colour}" for colour in FACTORS["colour"]),
    *(f"is {size}" for size in FACTORS["size"]),
    *("is in the upper half", "is in the left half", "has a dark background"),
)

JITTER = 0.5  # pixels, the farthest that a shape lies from its place in the grid, along each axis
# Of the shape's colour, and the grey level of the background: even in blue a shape has more light than any background,
# so that a place can be read linearly.
LUMINANCE = (0.7, 1.0)
BACKGROUND = (0.0, 0.1)


class Scenes(NamedTuple):
    """N scenes, each of one shape before a grey background.

    Attributes:
      factors: int32 [N, 5], the values of `FACTORS`.
      offset: float32 [N, 2], how many pixels the shape lies below and to the right of its place in the grid.
      luminance: float32 [N], in `LUMINANCE`.
      background: float32 [N], in `BACKGROUND`.
    """

    factors: np.ndarray
    offset: np.ndarray
    luminance: np.ndarray
    background: np.ndarray


def draw(generator: np.random.Generator, count: int) -> Scenes:
    """Draws every factor uniformly and independently of all others."""
    levels = [len(names) for names in FACTORS.values()]
    return Scenes(
        generator.integers(levels, size=(count, len(levels))).astype(np.int32),
        generator.uniform(-JITTER, JITTER, (count, 2)).astype(np.float32),
        generator.uniform(*LUMINANCE, count).astype(np.float32),
        generator.uniform(*BACKGROUND, count).astype(np.float32),
    )


def labels(scenes: Scenes) -> dict[str, np.ndarray]:
    """What there is to say about scenes.

    Returns:
      "label" int32 [N], the class, one of `CLASSES` (a shape with a colour); "factors" int32 [N, 5], the values of
      `FACTORS`; "attributes" int32 [N, 16] of 0 and 1, whether each of `ATTRIBUTES` holds.
    """
    shape, colour, size, row, column = scenes.factors.T
    attributes = (
        *_one_hot(shape, "shape"),
        *_one_hot(colour, "colour"),
        *_one_hot(size, "size"),
        *(row < 2, column < 2, scenes.background < np.mean(BACKGROUND)),
    )
    return {
        "label": shape * np.int32(len(FACTORS["colour"])) + colour,
        "factors": scenes.factors,
        "attributes": np.stack(attributes, axis=1).astype(np.int32),
    }


def _one_hot(values: np.ndarray, factor: str) -> list[np.ndarray]:
    return [values == value for value in range(len(FACTORS[factor]))]
