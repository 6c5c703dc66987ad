"""The mode that measures how well labels are told."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tf_emcom.annotations import Repeats
from tf_emcom.errors import UserError, require_integer
from tf_emcom.experiment import Experiment
from tf_emcom.figures.curves import Series, draw_curves
from tf_emcom.game import Game
from tf_emcom.modes import grid
from tf_emcom.modes.accuracy_table import accuracy_table
from tf_emcom.modes.mode import Evaluation
from tf_emcom.modes.speakers import spoken
from tf_emcom.modes.teams import Team, of_the_whole, result, teams
from tf_emcom.naming_evaluator import NamingEvaluator
from tf_emcom.ops.classification import share_of_the_most_frequent
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.tasks.naming import Naming


class TestNaming(Evaluation):
    """The share of the labels that greedy agents of a naming game tell right, for every erasure probability."""

    __test__ = False  # Not a test case, whatever its name says to a test runner.

    def __init__(
        self,
        noises: Sequence[float] = (0.0, 0.25, 0.5, 0.75),
        passes: Repeats = 5,
        split: str = "test",
        seed: int = 42,
        checkpoint: str = "",
    ) -> None:
        """Checks the grid.

        Args:
          noises: erasure probabilities.
          passes: over the split, with fresh masks in each.
          split: which split.
          seed: of the masks; two evaluations agree to the digit.
          checkpoint: the folder of the run to restore; the workdir's own where it is empty.
        """
        require_integer("TestNaming.passes", passes, 1, "it counts the passes over the split")
        require_integer("TestNaming.seed", seed, 0, "masks start from it")
        self.noises = grid.probabilities("TestNaming.noises", noises)
        self.passes = passes
        self.split = split
        self.seed = seed
        self.checkpoint = checkpoint

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        """Measures, prints the table, writes eval/testnaming.jsonl and figures/testnaming.png."""
        task = _task(experiment)
        step = self.restore(experiment, folder)
        folder.prepare_results()
        examples = experiment.data.load(self.split, task.labels)
        task.check_labels(examples.labels, experiment.data.name)
        targets = examples.labels[task.label].reshape(len(examples.inputs), -1)
        agents, compiled = experiment.learner, experiment.distribution.jit_compile
        evaluator = NamingEvaluator(agents, spoken(experiment, examples.inputs), targets, compiled)
        wins = evaluator.successes(self.noises, self.passes, self.seed)
        silent = share_of_the_most_frequent(targets)
        common = {"mode": "testnaming", "step": step, "split": self.split}
        played = teams(agents, evaluator, wins)
        rows = [{**common, **row} for team in played for row in self._rows(team, wins.games, silent)]
        path = folder.write_evaluation("testnaming", rows)
        whole = of_the_whole(rows, ["noise"])
        print(accuracy_table(whole, ["ensemble"] if "ensemble" in whole[0] else [], "noise"))
        figure = folder.figure("testnaming")
        draw_curves(_curves(whole, silent), "erasure probability", "accuracy", figure, legend="agents")
        known = f"always telling the most frequent class gives {silent:.3f}"
        print(f"{self.split} split, step {step:,}; {known}; every pair and 95 % intervals in {path}, drawn in {figure}")

    def _rows(self, team: Team, games: np.ndarray, silent: float) -> Iterator[dict[str, Any]]:
        """A line of a team's results for each noise."""
        for place, noise in enumerate(self.noises):
            yield {
                "noise": noise,
                **team.labels,
                **result(team.won[:, place, 0], int(games[place])),
                "without_message": silent,
                "seed": self.seed,
            }


def _task(experiment: Experiment) -> Naming:
    """The task of the run; UserError where it is another one."""
    if not isinstance(experiment.game, Game):
        raise UserError("The mode testnaming is for runs of a naming game, and this is a transfer run; use test.")
    if not isinstance(experiment.game.task, Naming):
        raise UserError(
            "The mode testnaming is for games whose listener tells labels, and the task of this run is"
            f" {type(experiment.game.task).__name__}; use testchannel, testmessage, testinput, testtopsim or"
            " testlanguage."
        )
    return experiment.game.task


def _curves(rows: Sequence[dict[str, Any]], silent: float) -> list[Series]:
    names = dict.fromkeys(row.get("ensemble", "accuracy") for row in rows)
    curves = {name: [row for row in rows if row.get("ensemble", "accuracy") == name] for name in names}
    return [
        Series(name, *([row[key] for row in curve] for key in ("noise", "accuracy", "interval")), chance=silent)
        for name, curve in curves.items()
    ]
