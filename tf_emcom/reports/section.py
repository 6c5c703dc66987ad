"""What every section of a report is."""

import abc
from collections.abc import Iterable, Sequence

from tf_emcom.reports.run import Run


class Section(abc.ABC):
    """A part of the page about all runs of a report.

    Attributes:
      title: its heading.
      place: sections stand in the order of these numbers.
      explanation: a sentence below the heading, that says what there is to see.
    """

    title: str
    place: int
    explanation: str = ""

    @abc.abstractmethod
    def blocks(self, runs: Sequence[Run]) -> Iterable[object]:
        """What the section is made of, kinds of `blocks`; nothing where it is not about any of the runs."""
