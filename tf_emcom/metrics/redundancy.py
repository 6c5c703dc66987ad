"""How much is lost with one position of a message."""

from typing import NamedTuple

import numpy as np


class Redundancy(NamedTuple):
    """Accuracies with and without the symbol at each position; a redundant message survives the loss of any one.

    In the sense of Shannon 1948, section 7, and measured as in arXiv:2502.12624, "Implicit repair with reinforcement
    learning in emergent communication": by erasing.
    """

    accuracy: float  # without erasure, in [0, 1]
    erased: np.ndarray  # float [T], with position t erased

    @property
    def lost(self) -> np.ndarray:
        """Accuracy lost with each position, float64 [T]; below 0 where the listener does better without it."""
        return self.accuracy - np.asarray(self.erased, np.float64)
