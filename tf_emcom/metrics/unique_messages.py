"""How many messages there are."""

import numpy as np

from tf_emcom.metrics._arrays import as_messages
from tf_emcom.metrics.message_measure import MessageMeasure


class UniqueMessages(MessageMeasure):
    """The number of different messages among N: the size of the lexicon (Lazaridou et al. 2018)."""

    name = "unique_messages"

    def __call__(self, messages: np.ndarray) -> float:
        """A whole number in [0, N]."""
        return float(len(np.unique(as_messages(messages), axis=0)))
