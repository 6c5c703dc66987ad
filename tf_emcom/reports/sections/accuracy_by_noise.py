"""The section about channel noise."""

from collections.abc import Iterable, Sequence

from tf_emcom.reports.accuracy import Test, accuracy_blocks
from tf_emcom.reports.run import Run
from tf_emcom.reports.section import Section


class AccuracyByNoise(Section):
    """Results of the mode testchannel."""

    title = "Accuracy by candidates and channel noise"
    place = 40
    explanation = (
        "How often the listener finds the speaker's input among so many candidates, by the channel's noise, such as the"
        " probability that a symbol is erased."
    )

    def blocks(self, runs: Sequence[Run]) -> Iterable[object]:
        """Curves by noise, and their numbers."""
        return accuracy_blocks(runs, Test("testchannel", "noise", "channel noise"))
