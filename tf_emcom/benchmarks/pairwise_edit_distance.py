"""Edit distances of all pairs of messages."""

import editdistance
import numpy as np

from tf_emcom.benchmarks.comparison import Comparison
from tf_emcom.evaluation.metrics.edit_distances import EditDistance


class PairwiseEditDistance(Comparison):
    """`EditDistance` against a double loop over `editdistance.eval`, both on one thread.

    The loop compares lists of Python's own integers, which takes half the time that arrays do.
    """

    def __init__(self, messages: int = 2000, length: int = 10, vocab_size: int = 20) -> None:
        generator = np.random.Generator(np.random.PCG64(0))
        self.messages = generator.integers(0, vocab_size, (messages, length), dtype=np.int32)

    def ours(self) -> np.ndarray:
        """Distances [N(N−1)/2]."""
        return EditDistance()(self.messages)

    def plain(self) -> np.ndarray:
        """The same, pair by pair."""
        rows = self.messages.tolist()
        length = self.messages.shape[1]
        return np.array(
            [editdistance.eval(rows[i], rows[j]) / length for i in range(len(rows)) for j in range(i + 1, len(rows))]
        )
