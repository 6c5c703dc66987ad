"""Dividing images into training, validation and test."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from tf_emcom.errors import UserError
from tf_emcom.preparation.image_folder import Image

_SPLITS = ("train", "valid", "test")
# Shares such as 0.7 are no exact numbers.
_ROUNDING = 1e-9


def shares_of(text: str) -> tuple[float, float, float]:
    """The shares of train, valid and test, as in "0.8,0.1,0.1"; UserError where they are none that add up to 1."""
    try:
        shares = tuple(float(share) for share in text.split(","))
    except ValueError:
        shares = ()
    fits = len(shares) == 3 and shares[0] > 0 and all(0 <= share <= 1 for share in shares)
    if not fits or abs(sum(shares) - 1) > 1e-6:
        raise UserError(
            f"--splits is {text!r}, but it has the shares of train, valid and test, which add up to 1, as in"
            " 0.8,0.1,0.1; a share of 0 leaves valid or test out."
        )
    return shares


def partition(images: Sequence[Image], shares: tuple[float, float, float], seed: int) -> dict[str, list[Image]]:
    """Draws for each image the split it falls into, so that each class has its share of each split.

    Of a class with n images, a split with the share s gets n·s, rounded up or down; over all classes a split
    has its share within two images.

    Args:
      images: all of them, in an order that does not change.
      shares: of train, valid and test, of all images; they add up to 1.
      seed: 0 or more; another one draws another partition.

    Returns:
      split → its images, in the order that was drawn; a split with the share 0 is not there.

    Raises:
      UserError: a split would be empty.
    """
    order = np.random.Generator(np.random.PCG64([seed])).permutation(len(images))
    drawn = [images[index] for index in order]
    sizes = _sizes(Counter(image.label for image in drawn), np.array(shares))
    splits: dict[str, list[Image]] = {split: [] for split, share in zip(_SPLITS, shares, strict=True) if share}
    for image in drawn:
        here = sizes[image.label]
        split = int((here > 0).argmax())
        here[split] -= 1
        splits[_SPLITS[split]].append(image)
    if empty := [split for split, found in splits.items() if not found]:
        raise UserError(
            f"{len(images)} images are too few for --splits={','.join(f'{share:g}' for share in shares)}: nothing is"
            f" left for {empty[0]!r}; have more images, or another share."
        )
    return splits


def _sizes(counts: Mapping[int | None, int], shares: np.ndarray) -> dict[int | None, np.ndarray]:
    """Class → how many of its images each split gets; classes come in the order of `counts`."""
    sizes, so_far, given = {}, 0, np.zeros(len(shares), int)
    for label, count in counts.items():
        so_far += count
        quota = count * shares
        here = np.floor(quota + _ROUNDING).astype(int)
        remainder = np.where(quota - here > _ROUNDING, quota - here, -np.inf)
        wanted = np.diff(np.rint(np.cumsum((0.0, *shares)) * so_far)).astype(int) - given
        # What the quotas leave over goes to the splits that lack most by now.
        for split in np.lexsort((-remainder, here - wanted, np.isinf(remainder)))[: count - here.sum()]:
            here[split] += 1
        sizes[label] = here
        given += here
    return sizes
