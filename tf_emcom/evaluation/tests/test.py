"""What the speakers of a run say."""

from collections.abc import Sequence
from typing import Any

from tf_emcom.checks import Repeats, Share
from tf_emcom.data.source import Examples, Source, names_of
from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.measures import SampleMean
from tf_emcom.evaluation.results import result_row, text_table
from tf_emcom.evaluation.tests.accuracy_test import CANDIDATES, Count, within
from tf_emcom.evaluation.tests.held_out import ChannelTest, listed
from tf_emcom.evaluation.transfer_evaluator import AT_LABEL, TransferEvaluator
from tf_emcom.plots import draw_image_pairs
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training.experiment import Experiment

_PICTURES = 8
_GAMES_A_GROUP = 1024
# What the table calls what is reached without a message.
_SILENT = "without_message"


class Test(ChannelTest):
    """The transfer task's metrics on a held-out split, by the channel's noise; pictures where the task draws.

    A task that chooses is tested with every number of candidates. Inputs are as noisy as in training. What a listener
    reaches that hears nothing is by what is most frequent, or the mean, in the training split. Of a task with several
    labels, such as attributes, results have the accuracy at each as well, under `by_label`.
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
        at_labels = _named(task.without_message_by_label(learnt, examples.labels), data, task.labels)
        for size in sizes:
            # The same at every noise, and for images a pass over all of them.
            silent = task.without_message(learnt, examples.labels, size)
            measured = [self._row(evaluator, size, noise, silent, at_labels) for noise in self.noises]
            rows += [result_row(common, each, whole=True) for each in measured]
        path = folder.write_evaluation(self.kept_in, rows, learner.checksum())
        print(_table(rows))
        games = f"{self.passes} pass{'' if self.passes == 1 else 'es'}; {common['channel']}"
        every = f"all metrics{', those of each label' if at_labels else ''} and 95 % intervals in {path}"
        print(f"{self._on}, step {common['step']:,}; {games}; {every}")
        pictures = evaluator.pictures(_PICTURES, self.seed)
        if pictures:
            draw_image_pairs(*pictures, folder.figure(self.kept_in))

    def _row(
        self,
        evaluator: TransferEvaluator,
        size: int,
        noise: float,
        silent: dict[str, float],
        silent_at: dict[str, float],
    ) -> dict[str, Any]:
        """A row of results; a listener that hears nothing reaches `silent`, and at each label `silent_at`, by name."""
        task = evaluator.game.task
        # Without anything random, another pass would be the same games again.
        passes = self.passes if task.chooses_inputs or task.input_noise or noise else 1
        means = evaluator.means(size, noise, passes, self.seed, self.split)
        at_labels = [means.pop(f"{AT_LABEL}{i}") for i in range(len(silent_at))]
        first, *others = silent
        any_mean = next(iter(means.values()))
        return {
            **({"candidates": size} if task.chooses_inputs else {}),
            "noise": noise,
            "input_noise": task.input_noise,
            **{name: mean.mean for name, mean in means.items()},
            "intervals": {
                name: list(mean.interval_of_share if _is_share(name) else mean.interval) for name, mean in means.items()
            },
            _SILENT: silent[first],
            **{f"{_SILENT}_{name}": silent[name] for name in others},
            **({"by_label": _by_label(silent_at, at_labels)} if at_labels else {}),
            "games": any_mean.games,
            "inputs": any_mean.inputs,
            "seed": self.seed,
        }


def _named(values: Sequence[float], data: Source, labels: Sequence[str]) -> dict[str, float]:
    """Values of the columns of a task's only label, by what the data set calls them, or by their numbers."""
    names = names_of(data, labels[:1]).get(labels[0], []) if values else []
    if len(set(names)) != len(values):
        names = [str(i) for i in range(len(values))]
    return dict(zip(names, values, strict=True))


def _is_share(metric: str) -> bool:
    """Whether a metric is in [0, 1]."""
    return metric == "accuracy" or metric.startswith("top")


def _by_label(silent: dict[str, float], means: Sequence[SampleMean]) -> dict[str, dict[str, Any]]:
    """Name of a label ↦ the accuracy at it, its interval, and what is reached there without a message."""
    return {
        name: {"accuracy": mean.mean, "interval": list(mean.interval_of_share), _SILENT: silent[name]}
        for name, mean in zip(silent, means, strict=True)
    }


def _table(rows: Sequence[dict[str, Any]]) -> str:
    """One line a cell: what it is, its metrics, and what a listener reaches that hears nothing."""
    tops = [name for name in rows[0] if name.startswith("top")]
    known = ("candidates", "noise", "accuracy", *tops, "squared_error", "loss", _SILENT)
    silent_tops = [f"{_SILENT}_{name}" for name in tops]
    columns = [name for name in (*known, *silent_tops) if name in rows[0]]
    titles = [f"its {name.removeprefix(_SILENT)[1:]}" if name in silent_tops else name for name in columns]
    cells = [
        [f"{row[name]:g}" if name in ("candidates", "noise") else f"{row[name]:.4g}" for name in columns]
        for row in rows
    ]
    return text_table([title.replace("_", " ") if title == _SILENT else title for title in titles], cells)
