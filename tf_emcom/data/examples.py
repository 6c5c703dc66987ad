"""The examples of one split, in memory."""

from typing import NamedTuple

import numpy as np


class Examples(NamedTuple):
    """N examples of a data set.

    Attributes:
      inputs: float32 [N, F], the features an agent sees.
      labels: name → array [N, ...]; empty where the data set has none.
    """

    inputs: np.ndarray
    labels: dict[str, np.ndarray]
