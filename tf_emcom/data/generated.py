"""Data sets that need no download: digits and random features."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np

from tf_emcom.checks import Checked, Index, Least, Size
from tf_emcom.data.source import Examples, aligned_empty, require_split

# Of scikit-learn's `load_digits`, as whole numbers; digits_licence.txt says where they are from.
_DIGITS = Path(__file__).with_name("digits.npz")


class Digits(Checked):
    """1,797 handwritten digits of 8x8 pixels (Alpaydin & Kaynak 1998), ten classes, as scikit-learn has them.

    The images are shuffled once by `split_seed` and cut into 1,258 for "train", 180 for "valid" and 359 for "test".
    Pixels are features: each is standardised by its mean and standard deviation on "train", because agents learn
    several times slower from raw ones. A pixel that never changes on "train" is 0 everywhere.

    Inputs are float32 [N, 64], in standard deviations. Labels are "label", int32 [N], the digit; and "image", uint8
    [N, 8, 8, 3], grey, from 0 to 255.
    """

    name = "digits"

    def __init__(self, split_seed: Index = 0) -> None:
        """`split_seed` decides which images are in which split; nothing is read yet."""
        self.split_seed = split_seed

    def features(self) -> int:
        return 64

    def labels(self) -> tuple[str, ...]:
        return ("label", "image")

    def load(self, split: str, labels: Sequence[str] | None = None) -> Examples:
        with np.load(_DIGITS) as stored:
            pixels, digits = stored["images"].astype(np.float64), stored["classes"]
        order = np.random.Generator(np.random.PCG64(self.split_seed)).permutation(len(pixels))
        train, valid, test = np.split(order, [1258, 1258 + 180])
        parts = {"train": train, "valid": valid, "test": test}
        require_split(split, parts, self.name)
        rows = parts[split]
        mean, deviation = pixels[train].mean(axis=0), pixels[train].std(axis=0)
        varies = deviation > 0
        standardised = np.where(varies, (pixels[rows] - mean) / np.where(varies, deviation, 1.0), 0.0)
        # Pixels [N, 64] go from 0 to 16.
        grey = np.rint(pixels[rows].reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
        known = {"label": digits[rows].astype(np.int32), "image": np.repeat(grey, 3, axis=3)}
        return Examples(standardised.astype(np.float32), known).with_labels(labels, self.name)


_SPLITS = ("train", "valid", "test")


class RandomFeatures(Checked):
    """Standard normal features with labels that have nothing to do with them: for measuring speed and memory.

    It stands in for a data set of the same sizes that is not on this machine. Each split has N = `examples`. Inputs are
    float32 [N, features]. Labels are "label", int32 [N], one of `classes`; "attributes", int32 [N, attributes], 0 or 1;
    and "image", uint8 [N, image_side, image_side, 3]. All of them are drawn from `seed`.
    """

    name = "random"

    def __init__(
        self,
        examples: Annotated[int, Least(1)] = 4096,
        features: Size = 2048,
        classes: Size = 1000,
        attributes: Size = 40,
        image_side: Annotated[int, Least(1)] = 64,
        seed: Index = 0,
    ) -> None:
        self.examples, self.seed = examples, seed
        self._features, self._classes, self._attributes, self._side = features, classes, attributes, image_side

    def features(self) -> int:
        return self._features

    def labels(self) -> tuple[str, ...]:
        return ("label", "attributes", "image")

    def load(self, split: str, labels: Sequence[str] | None = None) -> Examples:
        require_split(split, _SPLITS, self.name)
        generator = np.random.Generator(np.random.PCG64([self.seed, _SPLITS.index(split)]))
        inputs = aligned_empty((self.examples, self._features), np.float32)
        generator.standard_normal(dtype=np.float32, out=inputs)
        # Drawn only where it is wanted: images are large.
        drawn = {
            "label": lambda: generator.integers(0, self._classes, self.examples, np.int32),
            "attributes": lambda: generator.integers(0, 2, (self.examples, self._attributes), np.int32),
            "image": lambda: generator.integers(0, 256, (self.examples, self._side, self._side, 3), np.uint8),
        }
        wanted = self.labels() if labels is None else labels
        known = {name: drawn[name]() if name in wanted else np.empty(0) for name in self.labels()}
        return Examples(inputs, known).with_labels(wanted, self.name)
