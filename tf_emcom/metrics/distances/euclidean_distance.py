"""The length of the difference of two vectors."""

import numpy as np
from scipy.spatial.distance import cdist

from tf_emcom.metrics._arrays import as_vectors
from tf_emcom.metrics.distances.pairwise_distance import PairwiseDistance


class EuclideanDistance(PairwiseDistance):
    """d(u, v) = ‖u − v‖, in the unit of the vectors [N, F]."""

    name = "euclidean"

    def prepare(self, values: np.ndarray) -> np.ndarray:
        """The vectors as float64."""
        return as_vectors(values)

    def between(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Float64 [L, R]."""
        return cdist(left, right)
