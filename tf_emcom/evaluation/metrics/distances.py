"""Distances between all of some vectors."""

import abc
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from tf_emcom.checks import Checked
from tf_emcom.evaluation.metrics.measures import as_vectors

# Rows that are compared with the others at once. More would waste work: in its own square, a block compares twice.
_BLOCK = 64


class PairwiseDistance(Checked, abc.ABC):
    """A distance between any two of N things."""

    name: str  # in results

    def prepare(self, values: np.ndarray) -> Any:
        """The N things [N, …] as `between` wants them, once for all blocks; by default vectors float64 [N, F]."""
        return as_vectors(values)

    @abc.abstractmethod
    def between(self, left: Any, right: Any) -> np.ndarray:
        """Distances [L, R] of L prepared things to R."""

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """All distances of N things [N, …], float64 [N(N−1)/2]: of (0, 1), (0, 2), …, (N−2, N−1), as in `pdist`."""
        count = len(values)
        pairs = np.empty(count * (count - 1) // 2)
        filled = 0
        for row in self.rows(values):
            pairs[filled : filled + len(row)] = row
            filled += len(row)
        return pairs

    def rows(self, values: np.ndarray) -> Iterator[np.ndarray]:
        """For each of N things, its distances to those that come after it: [N−1], [N−2], …, [0].

        Only a block of rows is in memory at once, so that what sums them up can do without the N(N−1)/2.
        """
        prepared = self.prepare(values)
        for start in range(0, len(prepared), _BLOCK):
            block = self.between(prepared[start : start + _BLOCK], prepared[start:])
            for place, row in enumerate(block):
                yield row[place + 1 :]


_SQUARED_NORM_FLOOR = 1e-12
# Far more than ranks need, and less than the last bits, in which equal distances differ by the order of a sum.
_DECIMALS = 12


class CosineDistance(PairwiseDistance):
    """d(u, v) = ‖u/‖u‖ − v/‖v‖‖² = 2 − 2 cos(u, v), in [0, 4]; squared norms are floored at 1e-12.

    The loss that listeners are trained on, as in Grill et al. 2020, "Bootstrap your own latent", equation 2. It is
    rounded to twelve decimals, so that pairs equally far apart are tied also when their sums were rounded differently.
    """

    name = "cosine"

    def prepare(self, values: np.ndarray) -> np.ndarray:
        vectors = as_vectors(values)
        squared = np.maximum(np.sum(vectors**2, axis=1, keepdims=True), _SQUARED_NORM_FLOOR)
        return vectors / np.sqrt(squared)

    def between(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        # Adding zero makes a zero of a negative one.
        return np.round(np.maximum(2 - 2 * (left @ right.T), 0), _DECIMALS) + 0.0


class EuclideanDistance(PairwiseDistance):
    """d(u, v) = ‖u − v‖, in the unit of the vectors [N, F]."""

    name = "euclidean"

    def between(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return cdist(left, right)


class HammingDistance(PairwiseDistance):
    """The share of the A places of [N, A] in which two rows differ, in [0, 1].

    Hamming 1950, "Error detecting and error correcting codes". With a column for each attribute it is half the cosine
    loss of their one-hot vectors, averaged over the attributes.
    """

    name = "hamming"

    def between(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return cdist(left, right, "hamming")
