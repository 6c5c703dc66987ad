"""Data sets that need no download: digits and random features."""

from collections.abc import Sequence

import numpy as np

from tf_emcom.checks import Checked, Size
from tf_emcom.data.packed.column import aligned_empty
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError, require_integer

_SHARES = {"train": 0.7, "valid": 0.1}  # "test" has the rest


class Digits(Checked):
    """The 1,797 images of 8x8 pixels that come with scikit-learn (`load_digits`), ten classes.

    The images are shuffled once by `split_seed` and cut into 1,258 for "train", 180 for "valid" and 359 for "test".
    Pixels are features: each is standardised by its mean and standard deviation on "train", because agents learn
    several times slower from raw ones. A pixel that never changes on "train" is 0 everywhere.
    """

    name = "digits"

    def __init__(self, split_seed: int = 0) -> None:
        """Chooses the split; nothing is read yet.

        Args:
          split_seed: 0 or more; which images are in which split.

        Raises:
          UserError: when `split_seed` is negative.
        """
        require_integer("Digits.split_seed", split_seed, 0, "the images are shuffled from it")
        self.split_seed = split_seed

    def features(self) -> int:
        """64, one a pixel."""
        return 64

    def labels(self) -> tuple[str, ...]:
        """The digit, and the image."""
        return ("label", "image")

    def load(self, split: str, labels: Sequence[str] | None = None) -> Examples:
        """Returns one split.

        Args:
          split: "train", "valid" or "test".
          labels: which labels; None: both.

        Returns:
          Examples with inputs float32 [N, 64], in standard deviations, and labels "label": int32 [N], the digit, and
          "image": uint8 [N, 8, 8, 3], grey, from 0 to 255.

        Raises:
          UserError: when there is no such split or label.
        """
        from sklearn.datasets import load_digits  # slow to import, so only where it is used

        pixels, digits = load_digits(return_X_y=True)
        rows = _rows_by_split(len(pixels), self.split_seed)
        if split not in rows:
            raise UserError(f"The data set digits has no split {split!r}: choose one of {', '.join(rows)}.")
        mean, deviation = pixels[rows["train"]].mean(axis=0), pixels[rows["train"]].std(axis=0)
        varies = deviation > 0
        standardised = np.where(varies, (pixels[rows[split]] - mean) / np.where(varies, deviation, 1.0), 0.0)
        made = {"label": digits[rows[split]].astype(np.int32), "image": _images(pixels[rows[split]])}
        return Examples(standardised.astype(np.float32), made).with_labels(labels, self.name)


def _rows_by_split(count: int, seed: int) -> dict[str, np.ndarray]:
    order = np.random.Generator(np.random.PCG64(seed)).permutation(count)
    train, valid = (round(share * count) for share in _SHARES.values())
    return {"train": order[:train], "valid": order[train : train + valid], "test": order[train + valid :]}


def _images(pixels: np.ndarray) -> np.ndarray:
    """Pixels [N, 64] from 0 to 16 as grey images, uint8 [N, 8, 8, 3]."""
    grey = np.rint(pixels.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    return np.repeat(grey, 3, axis=3)


_SPLITS = ("train", "valid", "test")


class RandomFeatures(Checked):
    """Standard normal features with labels that have nothing to do with them: for measuring speed and memory.

    It stands in for a data set of the same sizes that is not on this machine.
    """

    name = "random"

    def __init__(
        self,
        examples: int = 4096,
        features: Size = 2048,
        classes: Size = 1000,
        attributes: Size = 40,
        image_side: int = 64,
        seed: int = 0,
    ) -> None:
        """UserError where a number is out of its range.

        Args:
          examples: in each split.
          features: F.
          classes: that "label" takes its values from.
          attributes: how many binary "attributes" there are.
          image_side: of the square "image", pixels.
          seed: that everything is drawn from.
        """
        require_integer("RandomFeatures.examples", examples, 1, "it counts the examples of a split")
        require_integer("RandomFeatures.features", features, 1, "it counts the features of an example")
        require_integer("RandomFeatures.classes", classes, 1, "it counts the classes of the label")
        require_integer("RandomFeatures.attributes", attributes, 1, "it counts the attributes of an example")
        require_integer("RandomFeatures.image_side", image_side, 1, "it counts the pixels of an image's side")
        require_integer("RandomFeatures.seed", seed, 0, "random numbers start from it")
        self.examples = examples
        self.seed = seed
        self._features, self._classes, self._attributes, self._side = features, classes, attributes, image_side

    def features(self) -> int:
        """As many as were asked for."""
        return self._features

    def labels(self) -> tuple[str, ...]:
        """A class, binary attributes, and an image."""
        return ("label", "attributes", "image")

    def load(self, split: str, labels: Sequence[str] | None = None) -> Examples:
        """Draws one split.

        Args:
          split: "train", "valid" or "test".
          labels: which labels; None: all.

        Returns:
          Examples with inputs float32 [N, F] and labels "label": int32 [N], "attributes": int32 [N, attributes],
          "image": uint8 [N, side, side, 3].

        Raises:
          UserError: when there is no such split or label.
        """
        if split not in _SPLITS:
            raise UserError(f"The data set {self.name} has no split {split!r}, only {', '.join(_SPLITS)}.")
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
