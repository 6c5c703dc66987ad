"""The mode that measures how often labels are named correctly."""

from collections.abc import Iterator, Sequence
from typing import Any

from tf_emcom.checks import Repeats, Share
from tf_emcom.evaluation.evaluator import Condition, Evaluator
from tf_emcom.evaluation.metrics.success import Wins
from tf_emcom.evaluation.results import Team, accuracy_table, apart, of_the_whole, result, result_row, teams
from tf_emcom.evaluation.tests.held_out import ChannelTest, listed
from tf_emcom.ops.losses import share_of_the_most_frequent
from tf_emcom.plots import Series, draw_curves
from tf_emcom.runtime.evaluation_rows import grouped
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.schedules import in_words
from tf_emcom.training.experiment import Experiment


class TestNaming(ChannelTest):
    """The share of the labels that greedy listeners name correctly, for every noise of the channel."""

    def __init__(
        self, noises: Sequence[Share] = (0.0, 0.25, 0.5, 0.75), passes: Repeats = 5, **shared: Any
    ) -> None:
        """`noises` are the channel's; each of the passes over the split has fresh masks."""
        super().__init__(**shared)
        self.noises = listed(self._name("noises"), noises, "[0.0, 0.5]")
        self.passes = passes

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        task = experiment.game.task
        named = task.answer.labels if task.answer else ()
        self.require_suited(experiment.game, bool(named), "whose listener names labels")
        common = self.start(experiment, folder)
        data = self.data_under_test(experiment)
        examples = data.load(self.split, task.labels)
        task.check_labels(examples.labels, data.name)
        agents, compiled = experiment.learner, experiment.distribution.jit_compile
        channel = self.channel_under_test(experiment.game.channel)
        evaluator = Evaluator(agents, examples.inputs, compiled, channel, task.answer, examples.labels)
        wins = [
            # Without noise another pass would be the same games again.
            evaluator.successes((), [Condition(noise)], self.passes if noise else 1, self.seed, self.split)
            for noise in self.noises
        ]
        (label,) = named
        learnt = experiment.data.load("train", task.labels)
        known, asked = (part.labels[label].reshape(len(part.inputs), -1) for part in (learnt, examples))
        silent = share_of_the_most_frequent(known, asked)
        common["channel"] = type(channel).__name__
        by_noise = zip(*(teams(agents, evaluator, each) for each in wins), strict=True)
        rows = [
            result_row(common, row, whole=team[0].whole) for team in by_noise for row in self._rows(team, wins, silent)
        ]
        path = folder.write_evaluation(self.kept_in, rows, agents.checksum())
        whole = of_the_whole(rows, ["noise"])
        print(accuracy_table(whole, apart(whole), "noise"))
        figure = folder.figure(self.kept_in)
        curves = []
        for curve in grouped(["ensemble", "varied"], whole).values():
            name = curve[0].get("ensemble") or in_words(curve[0].get("varied", {})) or "accuracy"
            x, y, intervals = ([row[key] for row in curve] for key in ("noise", "accuracy", "interval"))
            curves.append(Series(name, x, y, intervals, chance=silent))
        draw_curves(curves, f"channel noise, {common['channel']}", "accuracy", figure, legend="agents")
        about = f"{common['channel']}; always answering the most frequent class in training gives {silent:.3f}"
        summary = f"{self._on}, step {common['step']:,}; {about}"
        print(f"{summary}; every pair and 95 % intervals in {path}, drawn in {figure}")

    def _rows(self, team: Sequence[Team], wins: Sequence[Wins], silent: float) -> Iterator[dict[str, Any]]:
        """A line of a team's results for each noise."""
        for noise, each, played in zip(self.noises, team, wins, strict=True):
            yield {
                "noise": noise,
                **each.labels,
                **result(each.won[:, 0, 0], int(played.games[0]), int(played.inputs[0]), each.effects[0, 0]),
                "without_message": silent,
                "seed": self.seed,
            }
