"""The images of `Shapes` and how agents see them: any part of any split, made from a seed alone."""

from collections.abc import Callable

import numpy as np

from tf_emcom.data import scenes, shape_renderer
from tf_emcom.data.examples import Examples
from tf_emcom.errors import UserError

LABELS = ("label", "factors", "attributes", "image")
SPLITS = {"train": 20_000, "valid": 2_000, "test": 5_000}
# Images are drawn in chunks, each from a stream of its own, so that any chunk can be made without those before it.
CHUNK = 1_000
_REFERENCE_CHUNKS = 2


def chunk(seed: int, split: str, number: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Makes images `number * CHUNK` and on of a split: their labels, and uint8 [CHUNK, 32, 32, 3]."""
    drawn = scenes.draw(generator(seed, list(SPLITS).index(split), number), CHUNK)
    return scenes.labels(drawn), shape_renderer.render(drawn)


def generator(seed: int, *stream: int) -> np.random.Generator:
    """The random numbers of one stream: split and chunk, or what else a data set draws."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=stream)))


def examples(name: str, seed: int, split: str, view: Callable[[np.ndarray], np.ndarray]) -> Examples:
    """Makes a split.

    Args:
      name: the data set, for what is said about an unknown split.
      seed: which world of images.
      split: one of `SPLITS`.
      view: from images, uint8 [n, 32, 32, 3], to what is seen of them, float32 [n, F].

    Returns:
      Examples with the labels of `scenes.labels` and "image". The inputs are standardised, feature by feature, by mean
      and standard deviation of the first 2,000 training images, so that no split needs all of another.

    Raises:
      UserError: when there is no such split.
    """
    if split not in SPLITS:
        raise UserError(f"The data set {name} has no split {split!r}: choose one of {', '.join(SPLITS)}.")
    reference = np.concatenate([view(chunk(seed, "train", number)[1]) for number in range(_REFERENCE_CHUNKS)])
    mean, deviation = reference.mean(axis=0, dtype=np.float64), reference.std(axis=0, dtype=np.float64)
    mean, deviation = mean.astype(np.float32), deviation.astype(np.float32)
    inputs = np.empty((SPLITS[split], len(mean)), np.float32)
    images = np.empty((SPLITS[split], shape_renderer.SIDE, shape_renderer.SIDE, 3), np.uint8)
    labels = []
    for number, start in enumerate(range(0, SPLITS[split], CHUNK)):
        rows = slice(start, start + CHUNK)
        said, images[rows] = chunk(seed, split, number)
        labels.append(said)
        inputs[rows] = (view(images[rows]) - mean) / deviation
    joined = {key: np.concatenate([said[key] for said in labels]) for key in labels[0]}
    return Examples(inputs, {**joined, "image": images})
