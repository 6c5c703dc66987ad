"""What the speakers of a run say."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_emcom.agents.transcriber import Transcriber
from tf_emcom.checks import Repeats
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError, require_integer
from tf_emcom.evaluation import results
from tf_emcom.evaluation.tests.accuracy_test import channel_under_test
from tf_emcom.evaluation.transfer_evaluator import TransferEvaluator
from tf_emcom.games.channels import Channel
from tf_emcom.plots import draw_image_pairs
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training.experiment import Experiment
from tf_emcom.training.mode import Evaluation
from tf_emcom.training.trainee import Agents

Row = dict[str, Any]


def spoken(experiment: Experiment, inputs: np.ndarray) -> dict[int, np.ndarray]:
    """The greedy messages of each speaker that is tested about inputs [N, F]: speaker → int32 [N, T]."""
    agents = experiment.learner
    found = {}
    transcriber = None
    for speaker in agents.listeners_of():
        model = agents.speaker_as(speaker)
        # One model, in which the speakers take turns, and so one trace.
        transcriber = transcriber or Transcriber(model, experiment.distribution.jit_compile)
        found[speaker] = transcriber.messages(inputs)
    return found


def labels_of(agents: Agents, speaker: int) -> Row:
    """How lines of results name a speaker; where pairs are independent, with the seed of its training."""
    return {"speaker": speaker, **({"training_seed": agents.seeds()[speaker]} if agents.independent else {})}


_PICTURES = 8
_GAMES_A_GROUP = 1024
# Metrics in [0, 1].
_SHARES = ("accuracy", "top5")
# What the table calls what is reached without a message.
_SILENT = {"without_message": "without message", "without_message_top5": "its top5"}


class Test(Evaluation):
    """The transfer task's metrics on a held-out split, by the channel's noise; pictures where the task draws.

    A task that chooses is tested with every number of candidates. Inputs are as noisy as in training. What a listener
    reaches that hears nothing is by what is most frequent, or the mean, in the training split.
    """

    __test__ = False  # Not a test case, whatever its name says to a test runner.

    def __init__(
        self,
        candidates: Sequence[int] = (16, 64, 256, 1024, 4096),
        noises: Sequence[float] = (0.0, 0.25, 0.5, 0.75),
        passes: Repeats = 5,
        split: str = "test",
        seed: int = 42,
        channel: Channel | None = None,
    ) -> None:
        """Checks the grid.

        Args:
          candidates: numbers of candidates, for a task that chooses; one that is larger than the split is skipped.
          noises: of the channel.
          passes: over the split, with fresh masks in each.
          split: which split.
          seed: of shuffling, masks and noise on inputs; two evaluations agree to the digit.
          channel: of which kind is the channel, whose noise is the test's; None: as in the listener's training, and
            Erasure where that is clear.
        """
        require_integer("Test.passes", passes, 1, "it counts the passes over the split")
        require_integer("Test.seed", seed, 0, "shuffling and masks start from it")
        self.candidates = results.numbers_of_candidates("Test.candidates", candidates)
        self.noises = results.probabilities("Test.noises", noises)
        self.passes = passes
        self.split = split
        self.seed = seed
        self.channel = channel

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        learner = experiment.learner
        if not experiment.game.is_transfer:
            raise UserError(
                "The mode test is for transfer runs (game = etl), and this is a run of a game; use testchannel,"
                " testmessage, testinput, testtopsim, testlanguage or testnaming."
            )
        step = self.restore(experiment, folder)
        folder.prepare_results()
        found = experiment.data.load(self.split, learner.labels)
        examples = Examples(*learner.prepare(found.inputs, found.labels, experiment.data.name))
        channel = channel_under_test("Test.channel", self.channel, experiment.game.channel)
        evaluator = TransferEvaluator(learner, examples, experiment.distribution.jit_compile, channel)
        learnt = experiment.data.load("train", learner.labels).labels if learner.labels else {}
        common = {"mode": "test", "task": learner.game.task.name, "step": step, "split": self.split}
        common["channel"] = type(channel).__name__
        rows = []
        for size in self._sizes(evaluator):
            # The same at every noise, and for images a pass over all of them.
            silent = learner.game.task.without_message(learnt, examples.labels, size)
            found = [self._row(evaluator, size, noise, silent) for noise in self.noises]
            rows += [results.result_row(common, each, whole=True) for each in found]
        path = folder.write_evaluation("test", rows, learner.checksum())
        print(_table(rows))
        passes = f"{self.passes} pass{'' if self.passes == 1 else 'es'}"
        games = f"{passes}; {common['channel']}"
        print(f"{self.split} split, step {step:,}; {games}; all metrics and 95 % intervals in {path}")
        pictures = evaluator.pictures(_PICTURES, self.seed)
        if pictures:
            draw_image_pairs(*pictures, folder.figure("test"))

    def _sizes(self, evaluator: TransferEvaluator) -> list[int]:
        """Games in a group: every number of candidates that the split has, or any where there are no candidates."""
        if not evaluator.learner.game.task.chooses_inputs:
            return [_GAMES_A_GROUP]
        return results.within("Test.candidates", self.candidates, len(evaluator.examples.inputs), self.split)

    def _row(self, evaluator: TransferEvaluator, size: int, noise: float, silent: dict[str, float]) -> dict[str, Any]:
        task = evaluator.learner.game.task
        # Without anything random, another pass would be the same games again.
        passes = self.passes if task.chooses_inputs or task.input_noise or noise else 1
        means = evaluator.means(size, noise, passes, self.seed, self.split)
        first, *others = silent
        any_mean = next(iter(means.values()))
        return {
            **({"candidates": size} if task.chooses_inputs else {}),
            "noise": noise,
            "input_noise": task.input_noise,
            **{name: mean.mean for name, mean in means.items()},
            "intervals": {
                name: list(mean.interval_of_share if name in _SHARES else mean.interval) for name, mean in means.items()
            },
            "without_message": silent[first],
            **{f"without_message_{name}": silent[name] for name in others},
            "games": any_mean.games,
            "inputs": any_mean.inputs,
            "seed": self.seed,
        }


def _table(rows: Sequence[dict[str, Any]]) -> str:
    """One line a cell: what it is, its metrics, and what a listener reaches that hears nothing."""
    known = ("candidates", "noise", "accuracy", "top5", "squared_error", "loss", *_SILENT)
    columns = [name for name in known if name in rows[0]]
    titles = [_SILENT.get(name, name) for name in columns]
    cells = [
        [f"{row[name]:g}" if name in ("candidates", "noise") else f"{row[name]:.4g}" for name in columns]
        for row in rows
    ]
    return results.text_table(titles, cells)
