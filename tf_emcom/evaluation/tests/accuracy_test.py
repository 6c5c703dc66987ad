"""Tests that measure accuracy."""

import abc
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np

from tf_emcom.checks import Least, NotNegative, Repeats, Share
from tf_emcom.errors import UserError
from tf_emcom.evaluation.evaluator import Condition, Evaluator
from tf_emcom.evaluation.metrics.success import Wins
from tf_emcom.evaluation.results import Row, Team, accuracy_table, apart, of_the_whole, result, result_row, teams
from tf_emcom.evaluation.tests.held_out import ChannelTest, listed
from tf_emcom.plots import Series, draw_panels
from tf_emcom.runtime.evaluation_rows import grouped
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.schedules import in_words
from tf_emcom.training.experiment import Experiment

Count = Annotated[int, Least(2)]  # of candidates
CANDIDATES = (16, 64, 256, 1024, 4096)


def within(name: str, candidates: Sequence[int], examples: int, split: str) -> list[int]:
    """The numbers of candidates that a split has, a line about each larger one; UserError where all are larger."""
    for count in candidates:
        if count > examples:
            print(f"Skipped {count} candidates: the {split} split has {examples} examples.")
    counts = [count for count in candidates if count <= examples]
    if not counts:
        raise UserError(
            f"Every number of candidates in {list(candidates)} is larger than the {split} split, which has {examples}"
            f" examples; bind {name} to smaller ones."
        )
    return counts


def require_fitting(name: str, candidates: int, examples: int, split: str) -> None:
    """UserError where a split has fewer examples than candidates."""
    if candidates > examples:
        raise UserError(
            f"{name} is {candidates}, but the {split} split has {examples} examples; bind it to that many or fewer."
        )


class Cell(NamedTuple):
    """One accuracy to measure, for every number of candidates."""

    labels: dict[str, float]  # what distinguishes it from the others, as in its row of results
    conditions: list[Condition]  # under which its games are played; all of them count alike
    complete: bool = True  # whether these are all that there are with such labels


class AccuracyTest(ChannelTest, abc.ABC):
    """Accuracy of greedy agents on a held-out split, for every number of candidates and every cell of a mode."""

    across: str  # the label that runs along the table's lines and the picture's x axis
    x_label: str  # what the picture calls it
    beside: str | None = None  # the label whose values have pictures side by side, where there is a second one
    how: str = ""  # what else is to be said of how games are played

    def __init__(self, candidates: Sequence[Count] = CANDIDATES, passes: Repeats = 5, **shared: Any) -> None:
        """Sets what all of these modes share.

        Args:
          candidates: numbers of candidates, C; one that is larger than the split is skipped, and said so.
          passes: shuffled passes over the split, with fresh masks in each.
          **shared: what all `ChannelTest` have.
        """
        super().__init__(**shared)
        self.candidates = listed(self._name("candidates"), candidates, "[16, 64]")
        self.passes = passes

    @abc.abstractmethod
    def cells(self, message_length: int) -> list[Cell]:
        """What is measured with messages of T symbols."""

    def notes(self, cell: Cell, accuracies: list[float]) -> dict[str, Any]:
        """What a mode adds to a line of results, given the accuracy under each of the cell's conditions."""
        return {}

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        learner, game = experiment.learner, experiment.game
        self.require_suited(game, game.task.chooses_inputs, "whose listener chooses among inputs")
        common = self.start(experiment, folder)
        inputs = self.data_under_test(experiment).load(self.split, ()).inputs
        counts = within(self._name("candidates"), self.candidates, len(inputs), self.split)
        channel = self.channel_under_test(game.channel)
        evaluator = Evaluator(learner, inputs, experiment.distribution.jit_compile, channel)
        cells = self.cells(learner.speaker_as(0).message_length)
        conditions = [condition for cell in cells for condition in cell.conditions]
        pools = [pool.tolist() for pool in np.split(np.arange(len(conditions)), _ends(cells))]
        wins = evaluator.successes(counts, conditions, self.passes, self.seed, self.split, pools)
        common["channel"] = type(channel).__name__
        rows = [
            result_row(common, row, whole=team.whole)
            for team in teams(learner, evaluator, wins)
            for row in self._rows(team, counts, wins, cells)
        ]
        path = folder.write_evaluation(self.kept_in, rows, learner.checksum())
        down = [key for key in ("candidates", self.beside) if key is not None]
        whole = of_the_whole(rows, [*down, self.across])
        print(accuracy_table(whole, [*down, *apart(whole)], self.across))
        figure = folder.figure(self.kept_in)
        how = "".join(f"; {part}" for part in (common["channel"], self.how) if part)
        draw_panels(self._panels(whole), self.x_label + how, "accuracy", figure, legend="candidates")
        passes = f"{self.passes} pass{'' if self.passes == 1 else 'es'}{how}"
        summary = f"{self._on}, step {common['step']:,}; {passes}; {_described(whole[0])}"
        print(f"{summary} in {path}, drawn in {figure}")

    def _rows(self, team: Team, counts: Sequence[int], wins: Wins, cells: list[Cell]) -> Iterator[dict[str, Any]]:
        """A line of a team's results for each number of candidates and each cell."""
        for place, count in enumerate(counts):
            games, inputs = int(wins.games[place]), int(wins.inputs[place])
            by_cell = np.split(team.won[:, place], _ends(cells), axis=1)
            for cell, won, effect in zip(cells, by_cell, team.effects[place], strict=True):
                yield {
                    "candidates": count,
                    **cell.labels,
                    **team.labels,
                    **result(won.sum(axis=1), games * won.shape[1], inputs, effect),
                    "seed": self.seed,
                    **self.notes(cell, (won.mean(axis=0) / games).tolist()),
                }

    def _panels(self, rows: list[Row]) -> dict[str, list[Series]]:
        """One curve for each number of candidates, in each picture, one for each setting; votes are not drawn."""
        panels: dict[str, list[Series]] = {}
        drawn = [row for row in rows if row.get("ensemble") != "vote"]
        for curve in grouped([*([self.beside] if self.beside else []), "candidates", "varied"], drawn).values():
            curve.sort(key=lambda row: row[self.across])
            count = curve[0]["candidates"]
            x, y, intervals = ([row[key] for row in curve] for key in (self.across, "accuracy", "interval"))
            titles = [in_words(curve[0].get("varied", {}))]
            titles += [f"{self.beside.replace('_', ' ')} {curve[0][self.beside]:g}"] if self.beside else []
            series = Series(str(count), x, y, intervals, chance=1.0 / count)
            panels.setdefault(" · ".join(filter(None, titles)), []).append(series)
        return panels


def _ends(cells: list[Cell]) -> np.ndarray:
    """Where the conditions of all cells, one behind the other, are cut into those of each."""
    return np.cumsum([len(cell.conditions) for cell in cells])[:-1]


def _described(row: dict[str, Any]) -> str:
    """What the table and the files show, by one of the rows for the whole run."""
    if "ensemble" in row:
        return f"{row['speakers']} speakers with {row['listeners']} listeners; every pair and 95 % intervals"
    if "pairs" in row:
        return f"mean ± standard deviation (n − 1) of {row['pairs']} independent pairs; every pair"
    return "95 % intervals"


class TestChannel(AccuracyTest):
    """Accuracy for every number of candidates and every noise of the channel, such as a probability of erasure."""

    across = "noise"
    x_label = "channel noise"

    def __init__(self, noises: Sequence[Share] = (0.0, 0.25, 0.5, 0.75), **grid: Any) -> None:
        """Checks the grid; `noises` are the channel's, the rest is what all accuracy tests have."""
        super().__init__(**grid)
        self.noises = listed(self._name("noises"), noises, "[0.0, 0.5]")

    def cells(self, message_length: int) -> list[Cell]:
        return [Cell({"noise": noise}, [Condition(noise)]) for noise in self.noises]


class TestInput(AccuracyTest):
    """Accuracy where speaker and listener see noisy inputs, by noise of inputs and channel.

    The noise is Gaussian, its standard deviation a coefficient times that of the feature over a group of C inputs
    (NEC's `coeff_noise`). With two views speaker and listener draw separately (EaS's robustness, whose coefficient is
    0.5); with one both see the same noisy input (NEC's games, whose coefficient is 1.0). The results say how many.
    """

    across = "input_noise"
    x_label = "input noise (standard deviations)"
    beside = "noise"

    def __init__(
        self,
        coefficients: Sequence[NotNegative] = (0.0, 0.5, 1.0),
        noises: Sequence[Share] = (0.0, 0.25, 0.5, 0.75),
        views: int = 2,
        **grid: Any,
    ) -> None:
        """`coefficients` are of the noise on inputs, in standard deviations of a feature, `noises` of the channel."""
        super().__init__(**grid)
        self.coefficients = listed(self._name("coefficients"), coefficients, "[0.0, 1.0]")
        self.noises = listed(self._name("noises"), noises, "[0.0, 0.5]")
        if views not in (1, 2):
            raise UserError(f"{self._name('views')} is {views}, but two agents have 1 or 2 views; bind it to either.")
        self.views = views
        self.how = "1 view" if views == 1 else "2 views"

    def cells(self, message_length: int) -> list[Cell]:
        return [
            Cell({"noise": noise, "input_noise": each, "views": self.views}, [Condition(noise, each, self.views)])
            for each in self.coefficients
            for noise in self.noises
        ]
