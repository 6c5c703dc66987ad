"""What every benchmark is."""

import abc

import numpy as np


class Benchmark(abc.ABC):
    """A task that is done in two ways, ours and the plain one, on the same input; built without arguments.

    It is known by the name of its file, and builds its input when it is made: only the two methods are timed.
    """

    @abc.abstractmethod
    def ours(self) -> np.ndarray:
        """Does it as this library does."""

    @abc.abstractmethod
    def plain(self) -> np.ndarray:
        """Does it as one would without the library."""

    def same(self, ours: np.ndarray, plain: np.ndarray) -> bool:
        """Whether both came to the same result."""
        return np.array_equal(ours, plain)
