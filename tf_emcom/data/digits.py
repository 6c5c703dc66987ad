"""Hand-written digits: a small data set that needs no download."""

from collections.abc import Sequence

import numpy as np

from tf_emcom.arguments import Checked
from tf_emcom.data.examples import Examples
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
