"""A mean, and how sure it is."""

from typing import NamedTuple


class SampleMean(NamedTuple):
    """The mean of numbers of which the sums are known."""

    total: float
    squares: float  # sum of the squares
    count: int

    @property
    def mean(self) -> float:
        """Their mean."""
        return self.total / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of a normal distribution, from the numbers' own deviation.

        It takes the numbers for independent: read it as the least uncertainty there is.
        """
        variance = max(self.squares / self.count - self.mean**2, 0.0)
        half = 1.959964 * (variance / self.count) ** 0.5
        return self.mean - half, self.mean + half
