"""Generated images of coloured shapes, seen as features or as pixels."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tf_emcom.checks import Checked, Index, Size
from tf_emcom.data.source import Examples, require_split

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
# The luminance of a shape's colour, and the grey level of the background: even in blue a shape has more light than any
# background, so that a place can be read linearly.
LUMINANCE = (0.7, 1.0)
BACKGROUND = (0.0, 0.1)


class Scenes(NamedTuple):
    """N scenes, each of one shape before a grey background."""

    factors: np.ndarray  # int32 [N, 5], the values of `FACTORS`
    offset: np.ndarray  # float32 [N, 2], how many pixels the shape lies below and to the right of its place in the grid
    luminance: np.ndarray  # float32 [N], in `LUMINANCE`
    background: np.ndarray  # float32 [N], in `BACKGROUND`


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
    """The labels of N scenes, as `Shapes` describes them."""
    shape, colour, size, row, column = scenes.factors.T
    kinds = (shape, "shape"), (colour, "colour"), (size, "size")
    attributes = [values == value for values, factor in kinds for value in range(len(FACTORS[factor]))]
    attributes += [row < 2, column < 2, scenes.background < np.mean(BACKGROUND)]
    return {
        "label": shape * np.int32(len(FACTORS["colour"])) + colour,
        "factors": scenes.factors,
        "attributes": np.stack(attributes, axis=1).astype(np.int32),
    }


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


SPLITS = {"train": 20_000, "valid": 2_000, "test": 5_000}
# Images are drawn in chunks, each from a stream of its own; splits are multiples of it.
CHUNK = 1_000
_REFERENCE_CHUNKS = 2
_PIXELS = SIDE * SIDE * 3
_PROJECTION = len(SPLITS)  # a stream that is no split's


def generator(seed: int, *stream: int) -> np.random.Generator:
    """The random numbers of one stream: (split, chunk), or (`_PROJECTION`,)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=stream)))


def chunk(seed: int, split: str, number: int) -> dict[str, np.ndarray]:
    """The labels of the images from `number * CHUNK` on of a split, and "image", uint8 [CHUNK, 32, 32, 3]."""
    scenes = draw(generator(seed, list(SPLITS).index(split), number), CHUNK)
    return {**labels(scenes), "image": render(scenes)}


class Shapes(Checked):
    """Images of 32x32 pixels that each show one coloured shape, made from a seed.

    There are 20,000 for "train", 2,000 for "valid" and 5,000 for "test". Shape (4), colour (6), size (3), row (4) and
    column (4) are drawn independently, as are small shifts of the place, the luminance of the colour and the grey level
    of the background. What agents see is a fixed Gaussian random projection of the pixels: every factor can still be
    read from it linearly.

    Inputs are float32 [N, F], standardised feature by feature, by mean and standard deviation of the first 2,000
    training images, so that no split needs all of another. Labels are "label", int32 [N], the shape with its colour,
    one of 24 `class_names`; "factors", int32 [N, 5], values of `FACTORS`; "attributes", int32 [N, 16] of 0 and 1, in
    the order of `attribute_names`; and "image", uint8 [N, 32, 32, 3].
    """

    name = "shapes"
    class_names = CLASSES
    factor_names = tuple(FACTORS)
    attribute_names = ATTRIBUTES

    def __init__(self, seed: Index = 0, feature_count: Size = 512, projection_seed: Index | None = None) -> None:
        """`feature_count` is F; another `seed` makes other images and another projection.

        With the `projection_seed` of other `Shapes`, images are seen as theirs are: by the same projection, mean and
        standard deviation. Agents can then be tested on images that they have not met; the name has the seed behind.
        """
        self.seed, self.feature_count = seed, feature_count
        self.projection_seed = seed if projection_seed is None else projection_seed
        if self.projection_seed != seed:
            self.name = f"{type(self).name}_{seed}"

    def features(self) -> int:
        return self.feature_count

    def labels(self) -> tuple[str, ...]:
        return ("label", "factors", "attributes", "image")

    def load(self, split: str, labels: Sequence[str] | None = None) -> Examples:
        """Makes one split; "train" takes a few seconds."""
        require_split(split, SPLITS, self.name)
        projection = self._projection()
        first = [chunk(self.projection_seed, "train", number)["image"] for number in range(_REFERENCE_CHUNKS)]
        reference = np.concatenate([_seen(images, projection) for images in first])
        mean, deviation = reference.mean(axis=0, dtype=np.float64), reference.std(axis=0, dtype=np.float64)
        mean, deviation = mean.astype(np.float32), deviation.astype(np.float32)
        parts = [chunk(self.seed, split, number) for number in range(SPLITS[split] // CHUNK)]
        inputs = np.concatenate([(_seen(part["image"], projection) - mean) / deviation for part in parts])
        known = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        return Examples(inputs, known).with_labels(labels, self.name)

    def _projection(self) -> np.ndarray | None:
        """From pixels to features, float32 [3072, F]; None: features are the pixels themselves."""
        # In eighths, so that float32 holds every sum of products with whole pixels exactly: the same inputs come out in
        # whatever order a machine adds up.
        draws = generator(self.projection_seed, _PROJECTION).standard_normal((self.feature_count, _PIXELS))
        return (np.rint(draws * 8) / 8).astype(np.float32).T


class ShapesPixels(Shapes):
    """The images of `Shapes`, but agents see the 3,072 pixels, each standardised, instead of a projection of them."""

    name = "shapes_pixels"

    def __init__(self, seed: Index = 0) -> None:
        """Chooses the images, the same as those of `Shapes` with this `seed`."""
        super().__init__(seed, _PIXELS)

    def _projection(self) -> None:
        return None


def _seen(images: np.ndarray, projection: np.ndarray | None) -> np.ndarray:
    """What is seen of images uint8 [n, 32, 32, 3]: float32 [n, F]."""
    pixels = images.reshape(-1, _PIXELS).astype(np.float32)
    return pixels if projection is None else pixels @ projection
