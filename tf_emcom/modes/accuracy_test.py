"""What the modes that measure accuracy have in common."""

import abc
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.errors import UserError, require_integer
from tf_emcom.evaluator import Condition, Evaluator
from tf_emcom.experiment import Experiment
from tf_emcom.figures.curves import Series, draw_panels
from tf_emcom.learner import Learner
from tf_emcom.metrics.success_rate import SuccessRate
from tf_emcom.modes import grid
from tf_emcom.modes.mode import Evaluation
from tf_emcom.runtime.run_folder import RunFolder


class Cell(NamedTuple):
    """One accuracy to measure, for every number of candidates.

    Attributes:
      labels: what tells it from the others, as its line of results has it.
      conditions: under which its games are played; all of them count alike.
    """

    labels: dict[str, float]
    conditions: list[Condition]


class AccuracyTest(Evaluation):
    """Accuracy of greedy agents on a held-out split, for every number of candidates and every cell of a mode.

    Attributes:
      across: the label that runs along the table's lines and the picture's x axis.
      x_label: what the picture calls it.
      beside: the label whose values have pictures side by side, where there is a second one.
    """

    __test__ = False  # Not a test case, whatever its name says to a test runner.
    across: str
    x_label: str
    beside: str | None = None

    def __init__(
        self,
        candidates: Sequence[int] = (16, 64, 256, 1024, 4096),
        passes: int = 5,
        split: str = "test",
        seed: int = 42,
        checkpoint: str = "",
    ) -> None:
        """Checks what all of these modes share.

        Args:
          candidates: numbers of candidates, C; one that is larger than the split is skipped, and said so.
          passes: shuffled passes over the split, with fresh masks in each.
          split: which split.
          seed: of everything random; two evaluations agree to the digit.
          checkpoint: the folder of the run to restore; the workdir's own where it is empty.
        """
        require_integer(self._name("passes"), passes, 1, "it counts the passes over the split")
        require_integer(self._name("seed"), seed, 0, "shuffling and masks start from it")
        self.candidates = grid.numbers_of_candidates(self._name("candidates"), candidates)
        self.passes = passes
        self.split = split
        self.seed = seed
        self.checkpoint = checkpoint

    @abc.abstractmethod
    def cells(self, message_length: int) -> list[Cell]:
        """What is measured with messages of T symbols."""

    def notes(self, cell: Cell, accuracies: list[float]) -> dict[str, Any]:
        """What a mode adds to a line of results, given the accuracy under each of the cell's conditions."""
        return {}

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        """Measures, prints the table, writes eval/<mode>.jsonl and figures/<mode>.png."""
        speaker, listener, step = self._agents(experiment, folder)
        folder.prepare_results()
        inputs = experiment.data.load(self.split, ()).inputs
        counts = grid.within(self._name("candidates"), self.candidates, len(inputs), self.split)
        evaluator = Evaluator(speaker, listener, inputs, experiment.distribution.jit_compile)
        mode = type(self).__name__.lower()
        common = {"mode": mode, "step": step, "split": self.split}
        rows = [{**common, **row} for row in self._rows(evaluator, counts, self.cells(speaker.message_length))]
        path = folder.write_evaluation(mode, rows)
        print(self._table(rows))
        figure = folder.figure(mode)
        draw_panels(self._panels(rows), self.x_label, "accuracy", figure, legend="candidates")
        passes = f"{self.passes} pass{'' if self.passes == 1 else 'es'}"
        print(f"{self.split} split, step {step:,}; {passes}; 95 % intervals in {path}, drawn in {figure}")

    def _agents(self, experiment: Experiment, folder: RunFolder) -> tuple[Speaker, Listener, int]:
        """The restored speaker and listener, and the step they are from; UserError where there is no such listener."""
        if not isinstance(experiment.learner, Learner):
            raise UserError(
                f"The mode {type(self).__name__.lower()} is for runs of a game, whose listener chooses among"
                " candidates, and this is a transfer run; use test."
            )
        step = self.restore(experiment, folder)
        return experiment.learner.speaker, experiment.learner.listener, step

    def _rows(self, evaluator: Evaluator, counts: list[int], cells: list[Cell]) -> Iterator[dict[str, Any]]:
        """A line of results for each number of candidates and each cell."""
        conditions = [condition for cell in cells for condition in cell.conditions]
        won, games = evaluator.successes(counts, conditions, self.passes, self.seed, self.split)
        ends = np.cumsum([len(cell.conditions) for cell in cells])
        for count, row, each in zip(counts, won, games.tolist(), strict=True):
            for cell, wins in zip(cells, np.split(row, ends[:-1]), strict=True):
                rate = SuccessRate(int(wins.sum()), each * len(wins))
                yield {
                    "candidates": count,
                    **cell.labels,
                    "speaker": 0,
                    "listener": 0,
                    "accuracy": rate.accuracy,
                    "interval": list(rate.interval),
                    "games": rate.games,
                    "seed": self.seed,
                    **self.notes(cell, (wins / each).tolist()),
                }

    def _panels(self, rows: list[dict[str, Any]]) -> dict[str, list[Series]]:
        """One curve for each number of candidates, in each picture."""
        panels: dict[str, list[Series]] = {}
        for beside, count in dict.fromkeys((row.get(self.beside), row["candidates"]) for row in rows):
            curve = sorted(
                (row for row in rows if (row.get(self.beside), row["candidates"]) == (beside, count)),
                key=lambda row: row[self.across],
            )
            x, y, intervals = ([row[key] for row in curve] for key in (self.across, "accuracy", "interval"))
            title = "" if self.beside is None else f"{self.beside.replace('_', ' ')} {beside:g}"
            panels.setdefault(title, []).append(Series(str(count), x, y, intervals, chance=1.0 / count))
        return panels

    def _table(self, rows: list[dict[str, Any]]) -> str:
        """Accuracy by candidates (down) and the label across, as text."""
        words = self.across.replace("_", " ")
        heads = [f"{words} {value:g}".ljust(11) for value in dict.fromkeys(row[self.across] for row in rows)]
        down = [key for key in ("candidates", self.beside) if key is not None]
        lines = ["  ".join([*(key.replace("_", " ") for key in down), *heads]).rstrip()]
        for place in dict.fromkeys(tuple(row[key] for key in down) for row in rows):
            cells = [row["accuracy"] for row in rows if tuple(row[key] for key in down) == place]
            first = [f"{value:>{len(key)}g}" for value, key in zip(place, down, strict=True)]
            numbers = [f"{cell:.3f}".ljust(len(head)) for cell, head in zip(cells, heads, strict=True)]
            lines.append("  ".join([*first, *numbers]).rstrip())
        return "\n".join(lines)

    def _name(self, parameter: str) -> str:
        return f"{type(self).__name__}.{parameter}"
