"""Learning from the worst, as a control."""

from collections.abc import Sequence

import numpy as np

from tf_emcom.actions.imitation import Imitation


class ImitationOfWorst(Imitation):
    """The speaker with the lowest running success teaches the others."""

    def teacher(self, successes: Sequence[float]) -> int:
        """The lowest; of equal ones, the first."""
        return int(np.argmin(successes))
