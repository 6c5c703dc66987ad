"""The share of places in which two sequences differ."""

import numpy as np
from scipy.spatial.distance import cdist

from tf_emcom.metrics._arrays import as_vectors
from tf_emcom.metrics.distances.pairwise_distance import PairwiseDistance


class HammingDistance(PairwiseDistance):
    """The share of the A places of [N, A] in which two rows differ, in [0, 1].

    Hamming 1950, "Error detecting and error correcting codes". With a column for each
    attribute it is half the cosine loss of their one-hot vectors, averaged over the attributes.
    """

    name = "hamming"

    def prepare(self, values: np.ndarray) -> np.ndarray:
        """The rows as float64, which holds every int32."""
        return as_vectors(values)

    def between(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Float64 [L, R]."""
        return cdist(left, right, "hamming")
