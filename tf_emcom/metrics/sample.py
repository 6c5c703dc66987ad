"""Which of many messages are measured."""

import numpy as np

from tf_emcom.arguments import Checked
from tf_emcom.errors import require_integer


class Sample(Checked):
    """At most so many of N examples, without replacement: the work of comparing all pairs grows with N²."""

    def __init__(self, most: int = 1000, seed: int = 42) -> None:
        """Says how many.

        Args:
          most: how many are drawn; all of them where there are no more.
          seed: of the draws.
        """
        require_integer("Sample.most", most, 1, "it counts the examples that are drawn")
        require_integer("Sample.seed", seed, 0, "the draws start from it")
        self.most = most
        self.seed = seed

    def rows(self, count: int, draw: int = 0) -> np.ndarray:
        """Positions in [0, count), ascending: int [min(most, count)], a function of the seed and the draw's number."""
        if count <= self.most:
            return np.arange(count)
        generator = np.random.Generator(np.random.PCG64([self.seed, draw]))
        return np.sort(generator.permutation(count)[: self.most])
