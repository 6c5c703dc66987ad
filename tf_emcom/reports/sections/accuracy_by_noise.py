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
        "How often the listener finds the speaker's input among so many candidates, when each symbol of a message is"
        " erased with a given probability."
    )

    def blocks(self, runs: Sequence[Run]) -> Iterable[object]:
        """Curves by erasure probability, and their numbers."""
        return accuracy_blocks(runs, Test("testchannel", "noise", "erasure probability"))
