"""The mode that measures a speaker's language."""

from collections.abc import Sequence

from tf_emcom.annotations import Compared
from tf_emcom.corpora.language import Language
from tf_emcom.experiment import Experiment
from tf_emcom.figures.symbol_use import draw_symbol_use
from tf_emcom.metrics.attribute_measure import AttributeMeasure
from tf_emcom.metrics.message_measure import MessageMeasure
from tf_emcom.modes.mode import Evaluation
from tf_emcom.modes.speakers import labels_of, spoken
from tf_emcom.runtime.run_folder import RunFolder


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
        """Measures, prints the table, writes eval/testlanguage.jsonl and figures/testlanguage.png."""
        step = self.restore(experiment, folder)
        folder.prepare_results()
        examples = experiment.data.load(self.split, self.language.labels(experiment.data.labels()))
        messages, agents = spoken(experiment, examples.inputs), experiment.learner
        named = {speaker: labels_of(agents, speaker) for speaker in messages}
        vocab_size = agents.speaker_as(0).vocab_size
        found = self.language.of(messages, examples.labels, vocab_size, named, agents.independent)
        common = {"mode": "testlanguage", "step": step, "split": self.split}
        path = folder.write_evaluation("testlanguage", [{**common, **row} for row in found.rows])
        print(found.table)
        figure = folder.figure("testlanguage")
        draw_symbol_use(found.uses[0].shares, figure)
        about = f"about {next(iter(examples.labels))}" if examples.labels else "without attributes to compare with"
        of_whom = f"; mean and deviation of {found.averaged} speakers, the first of them drawn"
        of_whom = of_whom if found.averaged > 1 else ""
        print(f"{self.split} split, step {step:,}, {about}{of_whom}; symbols by position in {path} and {figure}")
