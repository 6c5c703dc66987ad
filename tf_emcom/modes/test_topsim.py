"""The mode that measures topographic similarity."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_emcom.errors import UserError, require_integer
from tf_emcom.experiment import Experiment
from tf_emcom.metrics.distances.cosine_distance import CosineDistance
from tf_emcom.metrics.distances.hamming_distance import HammingDistance
from tf_emcom.metrics.distances.pairwise_distance import PairwiseDistance
from tf_emcom.metrics.sample import Sample
from tf_emcom.metrics.topographic_similarity import TopographicSimilarity
from tf_emcom.modes.mode import Evaluation
from tf_emcom.modes.speakers import averages, labels_of, spoken
from tf_emcom.runtime.run_folder import RunFolder

_LEAST = 10  # messages in a pass: fewer tell nothing
_ATTRIBUTES = "attributes"


class TestTopsim(Evaluation):
    """Topographic similarity of greedy speakers' messages to the inputs of a split, and to its attributes.

    The similarity to attributes is measured where the data set has the label "attributes". Every speaker has its own
    lines of results; those of a population are followed by their means, with the label `ensemble`: "average".
    """

    __test__ = False  # Not a test case, whatever its name says to a test runner.

    def __init__(
        self,
        samples: int = 1000,
        passes: int = 5,
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
        require_integer("TestTopsim.samples", samples, _LEAST, "it counts the examples that a pass compares")
        require_integer("TestTopsim.passes", passes, 1, "it counts the draws of examples")
        require_integer("TestTopsim.seed", seed, 0, "draws start from it")
        self.sample = Sample(samples, seed)
        self.passes = passes
        self.split = split
        self.seed = seed
        self.checkpoint = checkpoint
        self.similarities = {
            "inputs": TopographicSimilarity(CosineDistance() if distance is None else distance),
            _ATTRIBUTES: TopographicSimilarity(HammingDistance() if attribute_distance is None else attribute_distance),
        }

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        """Measures, prints the table and writes eval/testtopsim.jsonl."""
        step = self.restore(experiment, folder)
        folder.prepare_results()
        labels = [name for name in (_ATTRIBUTES,) if name in experiment.data.labels()]
        examples = experiment.data.load(self.split, labels)
        if len(examples.inputs) < _LEAST:
            raise UserError(
                f"The {self.split} split has {len(examples.inputs)} examples, but topographic similarity takes {_LEAST}"
                " or more; bind TestTopsim.split to a larger one."
            )
        agents, meanings = experiment.learner, {"inputs": examples.inputs.astype(np.float32), **examples.labels}
        rows = [
            self._row(name, messages, vectors, step, labels_of(agents, speaker))
            for speaker, messages in spoken(experiment, examples.inputs).items()
            for name, vectors in meanings.items()
        ]
        means = averages(rows, ["meaning"], "topsim") if len(rows) > len(meanings) else []
        path = folder.write_evaluation("testtopsim", [*rows, *([] if agents.independent else means)])
        print(_table(means or rows))
        passes = "1 pass" if rows[0]["passes"] == 1 else f"{rows[0]['passes']} passes"
        of_whom = f"; mean and deviation of {means[0]['speakers']} speakers" if means else ""
        print(
            f"{self.split} split, step {step:,}; {passes} over {rows[0]['messages']:,} of {len(examples.inputs):,}"
            f" messages{of_whom}; results in {path}"
        )

    def _row(
        self, meaning: str, messages: np.ndarray, meanings: np.ndarray, step: int, labels: dict[str, Any]
    ) -> dict[str, Any]:
        """The similarity to one kind of meanings, null where it is undefined in any of the passes."""
        similarity = self.similarities[meaning]
        passes = self.passes if len(messages) > self.sample.most else 1
        drawn = [self.sample.rows(len(messages), number) for number in range(passes)]
        found = np.array([similarity(messages[rows], meanings[rows]) for rows in drawn])
        defined = not np.isnan(found).any()
        return {
            "mode": "testtopsim",
            "step": step,
            "split": self.split,
            "meaning": meaning,
            "distance": similarity.distance.name,
            "topsim": float(found.mean()) if defined else None,
            "deviation": float(found.std()) if defined else None,
            "messages": len(drawn[0]),
            "passes": passes,
            **labels,
            "seed": self.seed,
        }


def _table(rows: Sequence[dict[str, Any]]) -> str:
    """Similarity by meaning, as text."""
    lines = ["meaning     distance    topsim   deviation"]
    for row in rows:
        numbers = ["undefined" if row[name] is None else f"{row[name]:.4f}" for name in ("topsim", "deviation")]
        lines.append(f"{row['meaning']:<10}  {row['distance']:<10}  {numbers[0]:<9}  {numbers[1]}".rstrip())
    return "\n".join(lines)
