"""Tests that measure accuracy."""

import abc
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tf_emcom.checks import Repeats
from tf_emcom.errors import UserError, require_instance, require_integer
from tf_emcom.evaluation import results
from tf_emcom.evaluation.evaluator import Condition, Evaluator
from tf_emcom.evaluation.results import Team, accuracy_table, of_the_whole, probabilities, result, result_row, teams
from tf_emcom.games.channels import Channel
from tf_emcom.games.lewis import Rules
from tf_emcom.plots import Series, draw_panels
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training.experiment import Experiment
from tf_emcom.training.mode import Evaluation, Mode


def channel_under_test(name: str, chosen: Channel | None, trained: Channel) -> Channel:
    """The channel of a test, which gives it a noise of its own.

    Args:
      name: of the parameter that the user can bind, for errors.
      chosen: what is bound to it; None: nothing.
      trained: the channel of the run's training.

    Raises:
      UserError: it is no channel, or it cannot be given another noise.
    """
    if chosen is not None:
        require_instance(name, chosen, Channel, "@Erasure()")
    channel = (trained if chosen is None else chosen).with_noise(0.0)
    if float(channel.with_noise(0.5).noise(0)) != 0.5:
        kind = type(channel).__name__
        raise UserError(
            f"{kind}.with_noise(0.5) has another noise than 0.5, so that a test would not know its noise; correct"
            f" {kind}.with_noise or {kind}.noise, or bind {name} to another channel, as in {name}=@Erasure()."
        )
    return channel


def require_suited(mode: Mode, game: Rules, is_suited: bool, whose: str) -> None:
    """UserError where a mode is for runs of other games.

    Args:
      mode: what is asked for.
      game: that of the run.
      is_suited: whether its task is one that the mode is for.
      whose: which games the mode is for.
    """
    name, task = type(mode).__name__.lower(), type(game.task).__name__
    if game.is_transfer:
        raise UserError(f"The mode {name} is for runs of a game {whose}, and this is a transfer run; use test.")
    if not is_suited:
        own = "testchannel, testmessage, testinput, " if game.task.chooses_inputs else "testnaming, "
        raise UserError(
            f"The mode {name} is for games {whose}, and the task of this run is {task}; use"
            f" {own if game.task.answer else ''}testtopsim or testlanguage."
        )


class Cell(NamedTuple):
    """One accuracy to measure, for every number of candidates.

    Attributes:
      labels: what distinguishes it from the others, as in its row of results.
      conditions: under which its games are played; all of them count alike.
      complete: whether these are all that there are with such labels.
    """

    labels: dict[str, float]
    conditions: list[Condition]
    complete: bool = True


class Played(NamedTuple):
    """What each pair played under one condition, with one number of candidates."""

    candidates: int
    games: int
    inputs: int  # that the games are about


class AccuracyTest(Evaluation):
    """Accuracy of greedy agents on a held-out split, for every number of candidates and every cell of a mode.

    Attributes:
      across: the label that runs along the table's lines and the picture's x axis.
      x_label: what the picture calls it.
      beside: the label whose values have pictures side by side, where there is a second one.
      how: what else is to be said of how games are played.
    """

    __test__ = False  # Not a test case, whatever its name says to a test runner.
    across: str
    x_label: str
    beside: str | None = None
    how: str = ""

    def __init__(
        self,
        candidates: Sequence[int] = (16, 64, 256, 1024, 4096),
        passes: Repeats = 5,
        split: str = "test",
        seed: int = 42,
        checkpoint: str = "",
        channel: Channel | None = None,
    ) -> None:
        """Checks what all of these modes share.

        Args:
          candidates: numbers of candidates, C; one that is larger than the split is skipped, and said so.
          passes: shuffled passes over the split, with fresh masks in each.
          split: which split.
          seed: of everything random; two evaluations agree to the digit.
          checkpoint: the folder of the run to restore; the workdir's own where it is empty.
          channel: of which kind is the channel, whose noise is the test's; None: as in the run's training, and Erasure
            where that is clear.
        """
        require_integer(self._name("passes"), passes, 1, "it counts the passes over the split")
        require_integer(self._name("seed"), seed, 0, "shuffling and masks start from it")
        self.candidates = results.numbers_of_candidates(self._name("candidates"), candidates)
        self.passes = passes
        self.split = split
        self.seed = seed
        self.checkpoint = checkpoint
        self.channel = channel

    @abc.abstractmethod
    def cells(self, message_length: int) -> list[Cell]:
        """What is measured with messages of T symbols."""

    def _channel(self, trained: Channel) -> Channel:
        """The channel of the test of a run that was trained with another one."""
        return channel_under_test(self._name("channel"), self.channel, trained)

    def notes(self, cell: Cell, accuracies: list[float]) -> dict[str, Any]:
        """What a mode adds to a line of results, given the accuracy under each of the cell's conditions."""
        return {}

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        learner, game = experiment.learner, experiment.game
        require_suited(self, game, game.task.chooses_inputs, "whose listener chooses among inputs")
        step = self.restore(experiment, folder)
        folder.prepare_results()
        inputs = experiment.data.load(self.split, ()).inputs
        counts = results.within(self._name("candidates"), self.candidates, len(inputs), self.split)
        channel = self._channel(game.channel)
        evaluator = Evaluator(learner, inputs, experiment.distribution.jit_compile, channel)
        cells = self.cells(learner.speaker_as(0).message_length)
        conditions = [condition for cell in cells for condition in cell.conditions]
        pools = np.split(np.arange(len(conditions)), np.cumsum([len(cell.conditions) for cell in cells])[:-1])
        wins = evaluator.successes(counts, conditions, self.passes, self.seed, self.split, pools)
        mode = type(self).__name__.lower()
        common = {"mode": mode, "step": step, "split": self.split, "channel": type(channel).__name__}
        played = [Played(*each) for each in zip(counts, wins.games.tolist(), wins.inputs.tolist(), strict=True)]
        rows = [
            result_row(common, row, whole=team.whole)
            for team in teams(learner, evaluator, wins)
            for row in self._rows(team, played, cells)
        ]
        path = folder.write_evaluation(mode, rows, learner.checksum())
        whole = of_the_whole(rows, [*self._down(), self.across])
        ensemble = ["ensemble"] if "ensemble" in whole[0] else []
        print(accuracy_table(whole, [*self._down(), *ensemble], self.across))
        figure = folder.figure(mode)
        how = "".join(f"; {part}" for part in (type(channel).__name__, self.how) if part)
        draw_panels(self._panels(whole), self.x_label + how, "accuracy", figure, legend="candidates")
        passes = f"{self.passes} pass{'' if self.passes == 1 else 'es'}{how}"
        summary = f"{self.split} split, step {step:,}; {passes}; {_described(whole[0], len(evaluator.pairs))}"
        print(f"{summary} in {path}, drawn in {figure}")

    def _rows(self, team: Team, played: Sequence[Played], cells: list[Cell]) -> Iterator[dict[str, Any]]:
        """A line of a team's results for each number of candidates and each cell."""
        ends = np.cumsum([len(cell.conditions) for cell in cells])
        for place, (count, each, inputs) in enumerate(played):
            by_cell = np.split(team.won[:, place], ends[:-1], axis=1)
            for cell, won, effect in zip(cells, by_cell, team.effects[place], strict=True):
                yield {
                    "candidates": count,
                    **cell.labels,
                    **team.labels,
                    **result(won.sum(axis=1), each * won.shape[1], inputs, effect),
                    "seed": self.seed,
                    **self.notes(cell, (won.mean(axis=0) / each).tolist()),
                }

    def _panels(self, rows: list[results.Row]) -> dict[str, list[Series]]:
        """One curve for each number of candidates, in each picture; votes are not drawn."""
        panels: dict[str, list[Series]] = {}
        drawn = [row for row in rows if row.get("ensemble") != "vote"]
        for beside, count in dict.fromkeys((row.get(self.beside), row["candidates"]) for row in drawn):
            curve = sorted(
                (row for row in drawn if (row.get(self.beside), row["candidates"]) == (beside, count)),
                key=lambda row: row[self.across],
            )
            x, y, intervals = ([row[key] for row in curve] for key in (self.across, "accuracy", "interval"))
            title = "" if self.beside is None else f"{self.beside.replace('_', ' ')} {beside:g}"
            panels.setdefault(title, []).append(Series(str(count), x, y, intervals, chance=1.0 / count))
        return panels

    def _down(self) -> list[str]:
        return [key for key in ("candidates", self.beside) if key is not None]

    def _name(self, parameter: str) -> str:
        return f"{type(self).__name__}.{parameter}"


def _described(row: dict[str, Any], pairs: int) -> str:
    """What the table and the files show, by one of the rows for the whole run."""
    if "ensemble" in row:
        return f"{row['speakers']} speakers with {row['listeners']} listeners; every pair and 95 % intervals"
    of_pairs = f"mean ± standard deviation (n − 1) of {pairs} independent pairs; every pair"
    return "95 % intervals" if pairs == 1 else of_pairs


class TestChannel(AccuracyTest):
    """Accuracy for every number of candidates and every noise of the channel, such as a probability of erasure."""

    across = "noise"
    x_label = "channel noise"

    def __init__(self, noises: Sequence[float] = (0.0, 0.25, 0.5, 0.75), **grid: Any) -> None:
        """Checks the grid; `noises` are the channel's, the rest is what all accuracy tests have."""
        super().__init__(**grid)
        self.noises = probabilities(self._name("noises"), noises)

    def cells(self, message_length: int) -> list[Cell]:
        return [Cell({"noise": noise}, [Condition(noise)]) for noise in self.noises]
