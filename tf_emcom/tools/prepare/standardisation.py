"""The standardisation of features."""

import json
import os
from collections.abc import Iterable
from typing import NamedTuple, Self

import numpy as np

from tf_emcom.files import write_whole


class Standardisation(NamedTuple):
    """Shifts and scales each feature; a feature that never differs becomes 0."""

    mean: np.ndarray  # float64 [F], of each feature over the training examples
    deviation: np.ndarray  # float64 [F], the standard deviation of each, 1 where it is 0

    @classmethod
    def of(cls, parts: Iterable[np.ndarray]) -> Self:
        """Measures the features of the training split, arrays [n, F].

        Sums are taken of the differences from the first example, in double precision, so that nothing is lost where a
        feature varies little around a large mean.
        """
        first, count, total, squares = None, 0, 0.0, 0.0
        for part in parts:
            for features in part.astype(np.float64):
                first = features if first is None else first
                count, total, squares = count + 1, total + (features - first), squares + (features - first) ** 2
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
        # The deviation of a feature that never differs is only rounding.
        return cls(first + mean, np.where(deviation > 1e-6 * np.abs(first + mean), deviation, 1.0))

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Features float32 [n, F], standardised."""
        return ((features.astype(np.float64) - self.mean) / self.deviation).astype(np.float32)

    def write(self, folder: str) -> None:
        """Writes it into a folder, for images that come later; UserError where that is not possible."""
        content = {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}
        write_whole(os.path.join(folder, "standardisation.json"), json.dumps(content) + "\n")
