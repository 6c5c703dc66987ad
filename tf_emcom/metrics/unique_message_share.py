"""How often something gets a message of its own."""

import numpy as np

from tf_emcom.metrics.message_measure import MessageMeasure
from tf_emcom.metrics.unique_messages import UniqueMessages


class UniqueMessageShare(MessageMeasure):
    """The number of different messages by that of all (Lazaridou et al. 2018): 1 where every input has its own."""

    name = "unique_message_share"

    def __call__(self, messages: np.ndarray) -> float:
        """In [1/N, 1]; nan without messages."""
        return UniqueMessages()(messages) / len(messages) if len(messages) else float("nan")
