"""The cosine loss of two vectors."""

import numpy as np

from tf_emcom.metrics._arrays import as_vectors
from tf_emcom.metrics.distances.pairwise_distance import PairwiseDistance

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
        """Vectors [N, F] at length 1."""
        vectors = as_vectors(values)
        squared = np.maximum(np.sum(vectors**2, axis=1, keepdims=True), _SQUARED_NORM_FLOOR)
        return vectors / np.sqrt(squared)

    def between(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Float64 [L, R]."""
        # Adding zero makes a zero of a negative one.
        return np.round(np.maximum(2 - 2 * (left @ right.T), 0), _DECIMALS) + 0.0
