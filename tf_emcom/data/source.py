"""What every data set is."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from tf_emcom.data.examples import Examples


@runtime_checkable
class Source(Protocol):
    """A data set with splits `train`, `valid` and `test`."""

    @property
    def name(self) -> str:
        """What it is called in configurations."""

    def features(self) -> int:
        """F, how many features an input has; cheap, since a test of a trained run needs no training data."""

    def labels(self) -> Sequence[str]:
        """The names of the labels that examples have; cheap, too."""

    def load(self, split: str, labels: Sequence[str] | None = None) -> Examples:
        """The examples of a split, with the named labels; None: all of them.

        UserError where there is no split or no label of that name.
        """
