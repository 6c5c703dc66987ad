"""Learning from the best."""

from collections.abc import Sequence

import numpy as np

from tf_emcom.actions.imitation import Imitation


class ImitationOfBest(Imitation):
    """The speaker with the highest running success teaches the others."""

    def teacher(self, successes: Sequence[float]) -> int:
        """The highest; of equal ones, the first."""
        return int(np.argmax(successes))
