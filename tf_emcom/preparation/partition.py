"""Dividing images into training, validation and test."""

from collections.abc import Sequence

import numpy as np

from tf_emcom.errors import UserError
from tf_emcom.preparation.image_folder import Image

_SPLITS = ("train", "valid", "test")


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
    """Draws for each image the split it falls into.

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
    edges = np.rint(np.cumsum((0.0, *shares)) * len(images)).astype(int)
    splits = {}
    for split, share, start, end in zip(_SPLITS, shares, edges[:-1], edges[1:], strict=True):
        if share and start == end:
            raise UserError(
                f"{len(images)} images are too few for --splits={','.join(f'{share:g}' for share in shares)}: nothing"
                f" is left for {split!r}; have more images, or another share."
            )
        if share:
            splits[split] = [images[index] for index in order[start:end]]
    return splits
