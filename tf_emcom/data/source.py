"""What every data set is."""

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

    def load(self, split: str) -> Examples:
        """The examples of a split; UserError where there is none of that name."""
