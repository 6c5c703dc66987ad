"""What arrays the measures read."""

import numpy as np

from tf_emcom.errors import UserError


def as_messages(messages: np.ndarray) -> np.ndarray:
    """Messages as an array of whole numbers [N, T], T being 1 or more.

    Raises:
      UserError: they are anything else.
    """
    found = np.asarray(messages)
    if found.ndim != 2 or found.dtype.kind not in "iu" or not found.shape[1]:
        raise UserError(
            f"Messages of type {found.dtype} and shape {list(found.shape)} were given, but a measure reads whole"
            " numbers [N, T]; give one row of symbols for each message."
        )
    return found


def as_vectors(vectors: np.ndarray) -> np.ndarray:
    """Vectors as float64 [N, F].

    Raises:
      UserError: they are anything else.
    """
    found = np.asarray(vectors)
    if found.ndim != 2 or found.dtype.kind not in "biuf":
        raise UserError(
            f"Meanings of type {found.dtype} and shape {list(found.shape)} were given, but a distance reads numbers"
            " [N, F]; give one row for each meaning."
        )
    return found.astype(np.float64)


def as_attributes(attributes: np.ndarray, count: int) -> np.ndarray:
    """Attributes of N examples as whole numbers [N, A]; booleans become 0 and 1.

    Raises:
      UserError: they are anything else, or not as many as the messages, of which there are `count`.
    """
    found = np.asarray(attributes)
    if found.ndim != 2 or found.dtype.kind not in "biu" or len(found) != count:
        raise UserError(
            f"Attributes of type {found.dtype} and shape {list(found.shape)} were given to {count} messages, but a"
            f" measure reads whole numbers [{count}, A]; give one column for each attribute."
        )
    return found.astype(np.int64)
