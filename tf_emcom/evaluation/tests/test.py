"""What the speakers of a run say."""

from collections.abc import Sequence
from typing import Any

from tf_emcom.checks import Repeats, Share
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError
from tf_emcom.evaluation.results import result_row, text_table
from tf_emcom.evaluation.tests.accuracy_test import CANDIDATES, Count, within
from tf_emcom.evaluation.tests.held_out import ChannelTest, listed
from tf_emcom.evaluation.transfer_evaluator import TransferEvaluator
from tf_emcom.plots import draw_image_pairs
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training.experiment import Experiment

_PICTURES = 8
_GAMES_A_GROUP = 1024
# Metrics in [0, 1].
_SHARES = ("accuracy", "top5")
# What the table calls what is reached without a message.
_SILENT = {"without_message": "without message", "without_message_top5": "its top5"}


class Test(ChannelTest):
    """The transfer task's metrics on a held-out split, by the channel's noise; pictures where the task draws.

    A task that chooses is tested with every number of candidates. Inputs are as noisy as in training. What a listener
    reaches that hears nothing is by what is most frequent, or the mean, in the training split.
    """

    def __init__(
        self,
        candidates: Sequence[Count] = CANDIDATES,
        noises: Sequence[Share] = (0.0, 0.25, 0.5, 0.75),
        passes: Repeats = 5,
        **shared: Any,
    ) -> None:
        """As for an `AccuracyTest`; `noises` are the channel's, and `candidates` are for a task that chooses."""
        super().__init__(**shared)
        self.candidates = listed("Test.candidates", candidates, "[16, 64]")
        self.noises = listed("Test.noises", noises, "[0.0, 0.5]")
        self.passes = passes

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        learner = experiment.learner
        if not experiment.game.is_transfer:
            raise UserError(
                "The mode test is for transfer runs (game = etl), and this is a run of a game; use testchannel,"
                " testmessage, testinput, testtopsim, testlanguage or testnaming."
            )
        started = self.start(experiment, folder)
        data = self.data_under_test(experiment)
        found = data.load(self.split, learner.labels)
        examples = Examples(*learner.prepare(found.inputs, found.labels, data.name))
        channel = self.channel_under_test(experiment.game.channel)
        evaluator = TransferEvaluator(learner, examples, experiment.distribution.jit_compile, channel)
        task = evaluator.game.task
        learnt = experiment.data.load("train", learner.labels).labels if learner.labels else {}
        common = {"mode": "test", "task": task.name, **started, "channel": type(channel).__name__}
        rows = []
        sizes = [_GAMES_A_GROUP]
        if task.chooses_inputs:
            sizes = within("Test.candidates", self.candidates, len(examples.inputs), self.split)
        for size in sizes:
            # The same at every noise, and for images a pass over all of them.
            silent = task.without_message(learnt, examples.labels, size)
            measured = [self._row(evaluator, size, noise, silent) for noise in self.noises]
            rows += [result_row(common, each, whole=True) for each in measured]
        path = folder.write_evaluation(self.kept_in, rows, learner.checksum())
        print(_table(rows))
        games = f"{self.passes} pass{'' if self.passes == 1 else 'es'}; {common['channel']}"
        print(f"{self._on}, step {common['step']:,}; {games}; all metrics and 95 % intervals in {path}")
        pictures = evaluator.pictures(_PICTURES, self.seed)
        if pictures:
            draw_image_pairs(*pictures, folder.figure(self.kept_in))

    def _row(self, evaluator: TransferEvaluator, size: int, noise: float, silent: dict[str, float]) -> dict[str, Any]:
        task = evaluator.game.task
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
    return text_table(titles, cells)
