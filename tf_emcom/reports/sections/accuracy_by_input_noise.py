"""The section about noise on inputs."""

from collections.abc import Iterable, Sequence

from tf_emcom.reports.accuracy import Test, accuracy_blocks
from tf_emcom.reports.run import Run
from tf_emcom.reports.section import Section


class AccuracyByInputNoise(Section):
    """Results of the mode testinput."""

    title = "Accuracy by input noise"
    place = 60
    explanation = (
        "Speaker and listener see the same inputs with Gaussian noise, in standard deviations of the features: each"
        " with noise of its own (two views), or both with the same (one view). The channel has noise as well."
    )

    def blocks(self, runs: Sequence[Run]) -> Iterable[object]:
        """Curves by input noise for each channel noise, and their numbers."""
        return accuracy_blocks(runs, Test("testinput", "input_noise", "input noise (std. deviations)", beside="noise"))
