"""The mode that measures a speaker's language."""

from collections.abc import Sequence

import numpy as np

from tf_emcom.checks import Compared, Repeats
from tf_emcom.errors import UserError
from tf_emcom.evaluation.corpora.language import ATTRIBUTES, LEAST, Language, TopographicSimilarities, similarity_table
from tf_emcom.evaluation.metrics.attributes import AttributeMeasure
from tf_emcom.evaluation.metrics.distances import PairwiseDistance
from tf_emcom.evaluation.metrics.measures import MessageMeasure
from tf_emcom.evaluation.results import averages, result_row
from tf_emcom.evaluation.tests.test import labels_of, spoken
from tf_emcom.plots import draw_symbol_use
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training.experiment import Experiment
from tf_emcom.training.mode import Evaluation


class TestLanguage(Evaluation):
    """Measures of greedy speakers' messages about a split, by themselves and against the attributes of what they say.

    Those against attributes are measured where the data set has the label "factors" or, in its place, "attributes".
    Every speaker has its own lines of results; those of a population are followed by their means, with the label
    `ensemble`: "average", and by the edit distances between speakers, of each two and the average.
    """

    __test__ = False  # Not a test case, whatever its name says to a test runner.

    def __init__(
        self,
        measures: Sequence[MessageMeasure] | None = None,
        attribute_measures: Sequence[AttributeMeasure] | None = None,
        samples: Compared = 2000,
        split: str = "test",
        seed: int = 42,
        checkpoint: str = "",
    ) -> None:
        """Checks what is measured.

        Args:
          measures: of messages alone; None: entropy, unique messages, mean edit distance.
          attribute_measures: of messages and attributes; None: positional and bag-of-symbols disentanglement, context
            independence.
          samples: how many messages a measure compares pair by pair, at most.
          split: which split.
          seed: of the draw of that many; two evaluations agree to the digit.
          checkpoint: the folder of the run to restore; the workdir's own where it is empty.

        Raises:
          UserError: one of them cannot be used.
        """
        self.language = Language(measures, attribute_measures, samples, seed, owner="TestLanguage")
        self.split = split
        self.checkpoint = checkpoint

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        step = self.restore(experiment, folder)
        folder.prepare_results()
        examples = experiment.data.load(self.split, self.language.labels(experiment.data.labels()))
        messages, agents = spoken(experiment, examples.inputs), experiment.learner
        named = {speaker: labels_of(agents, speaker) for speaker in messages}
        vocab_size = agents.speaker_as(0).vocab_size
        found = self.language.of(messages, examples.labels, vocab_size, named, agents.independent)
        common = {"mode": "testlanguage", "step": step, "split": self.split}
        rows = [{**common, **row} for row in found.rows]
        path = folder.write_evaluation("testlanguage", rows, agents.checksum())
        print(found.table)
        figure = folder.figure("testlanguage")
        draw_symbol_use(found.uses[0].shares, figure)
        about = f"about {next(iter(examples.labels))}" if examples.labels else "without attributes to compare with"
        of_whom = f"; mean and deviation (n − 1) of {found.averaged} speakers, the first of them drawn"
        of_whom = of_whom if found.averaged > 1 else ""
        print(f"{self.split} split, step {step:,}, {about}{of_whom}; symbols by position in {path} and {figure}")


class TestTopsim(Evaluation):
    """Topographic similarity of greedy speakers' messages to the inputs of a split, and to its attributes.

    The similarity to attributes is measured where the data set has the label "attributes". Every speaker has its own
    lines of results; those of a population are followed by their means, with the label `ensemble`: "average".
    """

    __test__ = False  # Not a test case, whatever its name says to a test runner.

    def __init__(
        self,
        samples: Compared = 1000,
        passes: Repeats = 5,
        split: str = "test",
        seed: int = 42,
        checkpoint: str = "",
        distance: PairwiseDistance | None = None,
        attribute_distance: PairwiseDistance | None = None,
    ) -> None:
        """Checks the numbers.

        Args:
          samples: how many examples a pass compares, drawn without replacement; 10 or more. A split with no more than
            that is compared as a whole, once.
          passes: how many times examples are drawn.
          split: which split.
          seed: of the draws; two evaluations agree to the digit.
          checkpoint: the folder of the run to restore; the workdir's own where it is empty.
          distance: of inputs; None: the cosine loss.
          attribute_distance: of attributes; None: the Hamming distance, which ranks as the cosine loss of one-hot
            vectors does, averaged over the attributes.

        Raises:
          UserError: one of them cannot be used.
        """
        self.similarities = TopographicSimilarities(
            samples, passes, seed, distance, attribute_distance, owner="TestTopsim"
        )
        self.split = split
        self.checkpoint = checkpoint

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        step = self.restore(experiment, folder)
        folder.prepare_results()
        labels = [name for name in (ATTRIBUTES,) if name in experiment.data.labels()]
        examples = experiment.data.load(self.split, labels)
        if len(examples.inputs) < LEAST:
            raise UserError(
                f"The {self.split} split has {len(examples.inputs)} examples, but topographic similarity takes {LEAST}"
                " or more; bind TestTopsim.split to a larger one."
            )
        agents, meanings = experiment.learner, {"inputs": examples.inputs.astype(np.float32), **examples.labels}
        common = {"mode": "testtopsim", "step": step, "split": self.split}
        said = spoken(experiment, examples.inputs)
        alone = agents.independent or len(said) == 1
        rows = [
            result_row(common, row, whole=alone)
            for speaker, messages in said.items()
            for row in self.similarities.rows(messages, meanings, labels_of(agents, speaker))
        ]
        means = averages(rows, ["meaning"], "topsim") if len(rows) > len(meanings) else []
        path = folder.write_evaluation("testtopsim", [*rows, *([] if agents.independent else means)], agents.checksum())
        print(similarity_table(means or rows))
        passes = "1 pass" if rows[0]["passes"] == 1 else f"{rows[0]['passes']} passes"
        of_whom = f"; mean and deviation (n − 1) of {means[0]['speakers']} speakers" if means else ""
        print(
            f"{self.split} split, step {step:,}; {passes} over {rows[0]['messages']:,} of {len(examples.inputs):,}"
            f" messages{of_whom}; results in {path}"
        )
