"""The mode that measures topographic similarity."""

import numpy as np

from tf_emcom.annotations import Compared, Repeats
from tf_emcom.corpora.averages import averages
from tf_emcom.corpora.topographic_similarities import (
    ATTRIBUTES,
    LEAST,
    TopographicSimilarities,
    similarity_table,
)
from tf_emcom.errors import UserError
from tf_emcom.experiment import Experiment
from tf_emcom.metrics.distances.pairwise_distance import PairwiseDistance
from tf_emcom.modes.mode import Evaluation
from tf_emcom.modes.speakers import labels_of, spoken
from tf_emcom.runtime.run_folder import RunFolder


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
        """Measures, prints the table and writes eval/testtopsim.jsonl."""
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
        rows = [
            {**common, **row}
            for speaker, messages in spoken(experiment, examples.inputs).items()
            for row in self.similarities.rows(messages, meanings, labels_of(agents, speaker))
        ]
        means = averages(rows, ["meaning"], "topsim") if len(rows) > len(meanings) else []
        path = folder.write_evaluation("testtopsim", [*rows, *([] if agents.independent else means)])
        print(similarity_table(means or rows))
        passes = "1 pass" if rows[0]["passes"] == 1 else f"{rows[0]['passes']} passes"
        of_whom = f"; mean and deviation of {means[0]['speakers']} speakers" if means else ""
        print(
            f"{self.split} split, step {step:,}; {passes} over {rows[0]['messages']:,} of {len(examples.inputs):,}"
            f" messages{of_whom}; results in {path}"
        )
