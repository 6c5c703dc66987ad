"""How much choice there is among messages."""

import numpy as np

from tf_emcom.metrics._arrays import as_messages
from tf_emcom.metrics._information import entropy, numbered
from tf_emcom.metrics.message_measure import MessageMeasure


class MessageEntropy(MessageMeasure):
    """Entropy of whole messages, H = −Σ p log p in nats (Shannon 1948, "A mathematical theory of communication").

    The plug-in estimator: p is a message's share of the N. It can be no more than log N and lies below the truth where
    messages are many and N is small (Miller 1955), so compare it between languages at the same N only.
    """

    name = "message_entropy"

    def __call__(self, messages: np.ndarray) -> float:
        """Nats, in [0, log N]; nan without messages."""
        messages = as_messages(messages)
        return entropy(np.bincount(numbered(messages))) if len(messages) else float("nan")
