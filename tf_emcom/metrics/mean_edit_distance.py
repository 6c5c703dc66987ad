"""How different messages are."""

import numpy as np

from tf_emcom.metrics.distances.edit_distance import EditDistance
from tf_emcom.metrics.message_measure import MessageMeasure
from tf_emcom.metrics.sample import Sample


class MeanEditDistance(MessageMeasure):
    """The mean edit distance of all pairs of messages, as a share of T: 0 where all are the same, 1 where none share.

    Levenshtein 1966; see `EditDistance`. It holds a block of pairs in memory, however many messages there are.
    """

    name = "mean_edit_distance"

    def __call__(self, messages: np.ndarray) -> float:
        """The mean, in [0, 1]; nan for fewer than two messages."""
        count = len(messages)
        if count < 2:
            return float("nan")
        return float(sum(row.sum() for row in EditDistance().rows(messages)) / (count * (count - 1) / 2))

    def sampled(self, messages: np.ndarray, sample: Sample) -> np.ndarray:
        """The sample: the work grows with the square of the number of messages."""
        return messages[sample.rows(len(messages))]
