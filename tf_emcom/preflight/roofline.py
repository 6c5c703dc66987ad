"""The shortest time that a step can take on a chip."""

from typing import NamedTuple

from tf_emcom.preflight.chip import Chip

# In a small slice the chips are a grid without wrap-around, which uses about half of their links.
_LINKS_USED = 0.5


class Roofline(NamedTuple):
    """Lower limits, in seconds (Williams, Waterman & Patterson 2009): nothing but the named thing would take so long.

    Attributes:
      memory: moving everything between chip and HBM.
      compute: all matrix products, at the matrix units' peak.
      collectives: summing gradients and gathering candidates between replicas.
    """

    memory: float
    compute: float
    collectives: float

    @property
    def step(self) -> float:
        """Memory and compute at the same time, and the collectives, for which the step waits."""
        return max(self.memory, self.compute) + self.collectives

    @property
    def binds(self) -> str:
        """Which of the sides is the longest."""
        return max(self._asdict(), key=self._asdict().get)


def roofline(
    chip: Chip, moved: int, products: int, replicas: int, gradient_bytes: int, candidate_bytes: int, turns: int = 1
) -> Roofline:
    """The roofline of a step.

    Args:
      chip: what one replica runs on.
      moved: bytes between chip and HBM, a turn.
      products: floating-point operations of matrix products, a turn.
      replicas: n, how many work together.
      gradient_bytes: what they sum: each sends and receives 2 (n − 1) / n of it, in a ring.
      candidate_bytes: what they gather: each receives (n − 1) / n of it.
      turns: how many turns a step has.
    """
    received = (2 * gradient_bytes + candidate_bytes) * (replicas - 1) / replicas
    sides = (moved / chip.bandwidth, products / chip.peak, received / (_LINKS_USED * chip.links))
    return Roofline(*(turns * side for side in sides))
