"""The mode that measures accuracy by number of candidates and by noise."""

from collections.abc import Sequence
from typing import Any

from tf_emcom.errors import UserError, require_integer, require_number
from tf_emcom.evaluator import Evaluator
from tf_emcom.experiment import Experiment
from tf_emcom.metrics.success_rate import SuccessRate
from tf_emcom.modes.mode import Evaluation
from tf_emcom.runtime.checkpoints import Checkpoints, require_checkpoint
from tf_emcom.runtime.run_folder import RunFolder


class TestChannel(Evaluation):
    """Accuracy of greedy agents on a held-out split, for every number of candidates and every erasure probability."""

    __test__ = False  # Not a test case, whatever its name says to a test runner.

    def __init__(
        self,
        candidates: Sequence[int] = (16, 64, 256, 1024, 4096),
        noises: Sequence[float] = (0.0, 0.25, 0.5, 0.75),
        passes: int = 5,
        split: str = "test",
        seed: int = 42,
        checkpoint: str = "",
    ) -> None:
        """Checks the grid.

        Args:
          candidates: numbers of candidates, C; one that is larger than the split is skipped, and said so.
          noises: erasure probabilities.
          passes: shuffled passes over the split, with fresh masks in each.
          split: which split.
          seed: of shuffling and masks; two evaluations agree to the digit.
          checkpoint: the folder of the run to restore; the workdir's own where it is empty.
        """
        for name, values in (("candidates", candidates), ("noises", noises)):
            if not isinstance(values, list | tuple) or not values:
                raise UserError(f"TestChannel.{name} is {values!r}; bind it to a list of numbers, as in [16, 64].")
        for noise in noises:
            require_number("TestChannel.noises", noise, 0, 1, "each is a probability of erasure")
        for count in candidates:
            require_integer("TestChannel.candidates", count, 2, "each is a number of candidates to choose from")
        require_integer("TestChannel.passes", passes, 1, "it counts the passes over the split")
        require_integer("TestChannel.seed", seed, 0, "shuffling and masks start from it")
        self.candidates = tuple(dict.fromkeys(candidates))
        self.noises = [float(noise) for noise in dict.fromkeys(noises)]
        self.passes = passes
        self.split = split
        self.seed = seed
        self.checkpoint = checkpoint

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        """Measures, prints the table and writes eval/testchannel.jsonl."""
        source = require_checkpoint(self.checkpoint or folder.path)
        step = Checkpoints(source, experiment.learner).restore_latest()
        inputs = experiment.data.load(self.split).inputs
        learner = experiment.learner
        evaluator = Evaluator(learner.speaker, learner.listener, inputs, experiment.distribution.jit_compile)
        rows = []
        for count in self.candidates:
            if count > len(inputs):
                print(f"Skipped {count} candidates: the {self.split} split has {len(inputs)} examples.")
                continue
            rows += self._rows(evaluator, count, step)
        if not rows:
            raise UserError(
                f"Every number of candidates in {list(self.candidates)} is larger than the {self.split} split, which"
                f" has {len(inputs)} examples; bind TestChannel.candidates to smaller ones."
            )
        path = folder.write_evaluation("testchannel", rows)
        print(_table(rows, self.noises))
        print(f"{self.split} split, step {step:,}; {self.passes} passes; 95 % intervals in {path}")

    def _rows(self, evaluator: Evaluator, count: int, step: int) -> list[dict[str, Any]]:
        successes, games = evaluator.successes(count, self.noises, self.passes, self.seed, self.split)
        rows = []
        for noise, won in zip(self.noises, successes.tolist(), strict=True):
            rate = SuccessRate(won, games)
            rows.append(
                {
                    "mode": "testchannel",
                    "step": step,
                    "split": self.split,
                    "candidates": count,
                    "noise": noise,
                    "speaker": 0,
                    "listener": 0,
                    "accuracy": rate.accuracy,
                    "interval": list(rate.interval),
                    "games": games,
                    "seed": self.seed,
                }
            )
        return rows


def _table(rows: list[dict[str, Any]], noises: Sequence[float]) -> str:
    """Accuracy by candidates (down) and noise (across), as text."""
    lines = ["candidates  " + "  ".join(f"noise {noise:<5g}" for noise in noises)]
    for count in dict.fromkeys(row["candidates"] for row in rows):
        cells = [row["accuracy"] for row in rows if row["candidates"] == count]
        lines.append(f"{count:>10}  " + "  ".join(f"{cell:<11.3f}" for cell in cells))
    return "\n".join(lines)
