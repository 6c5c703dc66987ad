"""The mode that measures a speaker's language."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np

from tf_emcom.agents.transcriber import Transcriber
from tf_emcom.checks import Least, Most, Repeats
from tf_emcom.errors import UserError
from tf_emcom.evaluation.corpora.language import (
    ATTRIBUTES,
    CLASS,
    LEAST,
    Language,
    Pairwise,
    TopographicSimilarities,
    similarity_table,
)
from tf_emcom.evaluation.metrics.attributes import AttributeMeasure
from tf_emcom.evaluation.metrics.distances import PairwiseDistance
from tf_emcom.evaluation.metrics.measures import MessageMeasure
from tf_emcom.evaluation.results import Row, averages, result_row
from tf_emcom.evaluation.tests.held_out import HeldOutTest
from tf_emcom.plots import draw_symbol_use
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training.experiment import Experiment


def _spoken(experiment: Experiment, inputs: np.ndarray) -> tuple[dict[int, np.ndarray], dict[int, Row]]:
    """Of each speaker that is tested, its greedy messages int32 [N, T] about inputs [N, F], and how rows name it."""
    agents = experiment.learner
    messages: dict[int, np.ndarray] = {}
    transcriber = None
    for speaker in agents.listeners_of():
        model = agents.speaker_as(speaker)
        # One model, in which the speakers take turns, and so one trace.
        transcriber = transcriber or Transcriber(model, experiment.distribution.jit_compile)
        messages[speaker] = transcriber.messages(inputs)
    return messages, {i: {"speaker": i, **agents.named_run(i)} for i in messages}


class TestLanguage(HeldOutTest):
    """Measures of greedy speakers' messages about a split, by themselves and against the attributes of what they say.

    Those against attributes are measured where the data set has the label "factors" or, in its place, "attributes".
    Every speaker has its own lines of results; those of a population are followed by their means, with the label
    `ensemble`: "average", and by the edit distances between speakers, of each two and the average.
    """

    def __init__(
        self,
        measures: Sequence[MessageMeasure] | None = None,
        attribute_measures: Sequence[AttributeMeasure] | None = None,
        samples: Pairwise = 2000,
        **shared: Any,
    ) -> None:
        """Sets what is measured.

        Args:
          measures: of messages alone, besides the usual ones: entropy, unique messages, mean edit distance.
          attribute_measures: of messages and attributes, besides the usual ones: positional and bag-of-symbols
            disentanglement, context independence.
          samples: how many messages a measure compares pair by pair, at most.
          **shared: what all `HeldOutTest` have.
        """
        super().__init__(**shared)
        self.language = Language(measures, attribute_measures, samples, self.seed)

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        common, agents = self.start(experiment, folder), experiment.learner
        data = self.data_under_test(experiment)
        examples = data.load(self.split, self.language.labels(data.labels()))
        messages, named = _spoken(experiment, examples.inputs)
        vocab_size = agents.speaker_as(0).vocab_size
        found = self.language.of(messages, examples.labels, vocab_size, named, agents.independent)
        path = folder.write_evaluation(self.kept_in, [{**common, **row} for row in found.rows], agents.checksum())
        print(found.table)
        figure = folder.figure(self.kept_in)
        draw_symbol_use(found.uses[0].shares, figure)
        about = f"about {next(iter(examples.labels))}" if examples.labels else "without attributes to compare with"
        of_whom = f"; mean and deviation (n − 1) of {found.averaged} speakers, the first of them drawn"
        of_whom = of_whom if found.averaged > 1 else ""
        summary = f"{self._on}, step {common['step']:,}, {about}{of_whom}"
        print(f"{summary}; symbols by position in {path} and {figure}")


class TestTopsim(HeldOutTest):
    """Topographic similarity of greedy speakers' messages to the inputs of a split, and to its attributes.

    The similarity to attributes is measured where the data set has the label "attributes", and that to the class where
    `label` names it. Every speaker has its own lines of results; those of a population are followed by their means,
    with the label `ensemble`: "average".
    """

    def __init__(
        self,
        samples: Annotated[int, Least(LEAST), Most(20_000)] = 1000,
        passes: Repeats = 5,
        distance: PairwiseDistance | None = None,
        attribute_distance: PairwiseDistance | None = None,
        label: str | None = None,
        **shared: Any,
    ) -> None:
        """Sets what is compared.

        Args:
          samples: how many examples a pass compares, drawn without replacement. A split with no more than that is
            compared as a whole, once.
          passes: how many times examples are drawn.
          distance: of inputs; None: the cosine loss.
          attribute_distance: of attributes; None: the Hamming distance, which ranks as the cosine loss of one-hot
            vectors does, averaged over the attributes.
          label: the label of the data set, such as "label", whose classes are one more meaning: two inputs of one class
            have the distance 0, others 1 (EaS); None: there is no such meaning.
          **shared: what all `HeldOutTest` have.
        """
        super().__init__(**shared)
        self.label = label
        self.similarities = TopographicSimilarities(samples, passes, self.seed, distance, attribute_distance)

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        common, agents = self.start(experiment, folder), experiment.learner
        data = self.data_under_test(experiment)
        labels = [name for name in (ATTRIBUTES,) if name in data.labels()]
        named_label = [] if self.label is None else [self.label]
        examples = data.load(self.split, [*labels, *named_label])
        if len(examples.inputs) < LEAST:
            raise UserError(
                f"The {self.split} split has {len(examples.inputs)} examples, but topographic similarity takes {LEAST}"
                " or more; bind TestTopsim.split to a larger one."
            )
        meanings = {"inputs": examples.inputs.astype(np.float32)}
        meanings |= {name: examples.labels[name] for name in labels}
        if self.label is not None:
            meanings[CLASS] = examples.labels[self.label].reshape(len(examples.inputs), -1)
        said, named = _spoken(experiment, examples.inputs)
        alone = agents.independent or len(said) == 1
        rows = [
            result_row(common, self.similarities.row(kind, messages, values, named[speaker]), whole=alone)
            for speaker, messages in said.items()
            for kind, values in meanings.items()
        ]
        means = averages(rows, ["varied", "meaning"], "topsim") if len(rows) > len(meanings) else []
        path = folder.write_evaluation(self.kept_in, [*rows, *([] if agents.independent else means)], agents.checksum())
        print(similarity_table(means or rows))
        passes = "1 pass" if rows[0]["passes"] == 1 else f"{rows[0]['passes']} passes"
        of_whom = f"; mean and deviation (n − 1) of {means[0]['speakers']} speakers" if means else ""
        print(
            f"{self._on}, step {common['step']:,}; {passes} over {rows[0]['messages']:,} of"
            f" {len(examples.inputs):,} messages{of_whom}; results in {path}"
        )
