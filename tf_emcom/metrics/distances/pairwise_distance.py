"""What every distance is."""

import abc
from collections.abc import Iterator, Sequence

import numpy as np

from tf_emcom.arguments import Checked

# Rows that are compared with the others at once. More would waste work: in its own square, a block compares twice.
_BLOCK = 64


class PairwiseDistance(Checked, abc.ABC):
    """A distance between any two of N things.

    Attributes:
      name: what it is called in results.
    """

    name: str

    @abc.abstractmethod
    def prepare(self, values: np.ndarray) -> Sequence:
        """The N things [N, …] as `between` wants them; done once, not for every block."""

    @abc.abstractmethod
    def between(self, left: Sequence, right: Sequence) -> np.ndarray:
        """Distances [L, R] of L prepared things to R."""

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """All distances, float64 [N(N−1)/2].

        Args:
          values: the N things, [N, …].

        Returns:
          The pairs in condensed order, as `scipy.spatial.distance.pdist` has it: (0, 1), (0, 2), …, (N−2, N−1).
        """
        count = len(values)
        pairs = np.empty(count * (count - 1) // 2)
        filled = 0
        for row in self.rows(values):
            pairs[filled : filled + len(row)] = row
            filled += len(row)
        return pairs

    def rows(self, values: np.ndarray) -> Iterator[np.ndarray]:
        """For each of N things, its distances to those that come after it: [N−1], [N−2], …, [0].

        Only a block of rows is in memory at once, so that what sums them up can do without the N(N−1)/2.
        """
        prepared = self.prepare(values)
        for start in range(0, len(prepared), _BLOCK):
            block = self.between(prepared[start : start + _BLOCK], prepared[start:])
            for place, row in enumerate(block):
                yield row[place + 1 :]
