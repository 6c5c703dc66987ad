"""Speed of training steps and of tests."""

import functools
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.measurement import Conditions, Measurement, time_of
from benchmarks.report import Table
from benchmarks.training_run import SIZES, TrainingRun, build_experiment, seconds_per_step
from tf_emcom.evaluation.evaluator import Evaluator
from tf_emcom.runtime.config import build

_GAME = "lg_s"


class Steps(Measurement):
    """Whole steps as users run them, fed by the pipeline; all configurations and the peak are timed in turn."""

    name = "steps"
    description = "Training steps of EaS's and NEC's games, full and small agents: games a second, share of the peak."

    def __init__(
        self,
        games: Sequence[str] = ("lg_s", "lg_rl", "nlg"),
        batch_sizes: Sequence[int] = (16, 64, 256, 1024),
        agents: Sequence[str] = tuple(SIZES),
        rounds: int = 5,
    ) -> None:
        self._games, self._batch_sizes, self._agents, self._rounds = games, batch_sizes, agents, rounds

    def measure(self, conditions: Conditions) -> Table:
        """One row for each game, size of agents and size of batch."""
        runs = {
            (game, agents, size): TrainingRun(game, [*SIZES[agents], *conditions.bindings, f"batch_size={size}"])
            for game in self._games
            for agents in self._agents
            for size in self._batch_sizes
        }
        dtypes = {run.compute_dtype for run in runs.values()}
        peaks = {dtype: functools.partial(conditions.peak.measure, dtype) for dtype in dtypes}
        seconds = seconds_per_step(runs, self._rounds, peaks)
        rows = []
        for (game, agents, size), run in runs.items():
            peak = conditions.peak.best(run.compute_dtype)
            found = speeds(seconds[game, agents, size], run.games_per_step, run.operations_per_game(), peak)
            how = {"numbers": run.compute_dtype, "compiler": run.experiment.distribution.compiler}
            rows.append({"game": game, "agents": agents, "batch": size, **found, **how})
        numbers = {
            "ms/step": f"the shortest of {self._rounds} times in turn, each of calls that last at least 0.3 s",
            "median ms": "the median of the same",
            "games/s": "by the shortest time",
            "MFLOP/game": "of the step's matrix products, counted in its graph; a multiply-add is two",
            "GFLOP/s": "these operations in the shortest time",
            "peak GFLOP/s": "the best of several plain matrix products, timed in turn with the steps",
            "% of peak": "GFLOP/s of that",
            "numbers": "the type that the agents compute in",
            "compiler": "what compiles the step",
        }
        return Table("Training steps", ("game", "agents", "batch"), numbers, rows, ("ms/step", "games/s"))


def speeds(seconds: Sequence[float], games: int, operations: float, peak: float) -> dict[str, float]:
    """The columns of one configuration.

    Args:
      seconds: of a step, each time it was measured.
      games: of a step.
      operations: of a game.
      peak: operations a second.
    """
    best = min(seconds)
    speed = operations * games / best
    return {
        "ms/step": 1e3 * best,
        "median ms": 1e3 * statistics.median(seconds),
        "games/s": games / best,
        "MFLOP/game": operations / 1e6,
        "GFLOP/s": speed / 1e9,
        "peak GFLOP/s": peak / 1e9,
        "% of peak": 100 * speed / peak,
    }


class Setting(NamedTuple):
    """One configuration of LG (S)."""

    batch: int = 64
    agents: int = 1  # speakers, listeners, and pairs a step
    length: int = 10  # T

    def bindings(self) -> list[str]:
        """The same as gin's bindings."""
        agents = [f"{name}={self.agents}" for name in ("n_speakers", "n_listeners", "pairs_per_step")]
        return [f"batch_size={self.batch}", f"message_length={self.length}", *agents]


class Expectation(NamedTuple):
    """One row of the table of growth: the time of a setting should be `times` that of the setting `of`."""

    grows: str
    value: int
    setting: Setting
    of: Setting
    times: float

    def row(self, seconds: dict[Setting, float], games: dict[Setting, int]) -> dict[str, Any]:
        """The columns, from the seconds and the games of a step of each setting."""
        measured, expected = seconds[self.setting], self.times * seconds[self.of]
        return {
            "grows": self.grows,
            "value": self.value,
            "ms/step": 1e3 * measured,
            "games/s": games[self.setting] / measured,
            "expected ms": 1e3 * expected,
            "times expected": measured / expected,
        }


class Growth(Measurement):
    """Time of a step beside the time that is expected of it.

    Time is expected to be proportional to the batch, measured at the largest batch, which fills the machine; to the
    pairs a step, measured at one pair; and to the length of messages, measured at 10 symbols.
    """

    name = "growth"
    description = (
        "What a step of LG (S) costs as batch, population and messages grow, beside the law that is expected."
    )

    def __init__(
        self,
        batch_sizes: Sequence[int] = (16, 64, 256, 1024),
        agents: Sequence[int] = (1, 2, 4, 10),
        lengths: Sequence[int] = (5, 10, 20, 40),
        rounds: int = 3,
    ) -> None:
        self._batch_sizes, self._agents, self._lengths, self._rounds = batch_sizes, agents, lengths, rounds

    def expectations(self) -> list[Expectation]:
        """What is measured and what is expected of it, row by row."""
        full, one = Setting(max(self._batch_sizes)), Setting()
        return [
            *(Expectation("batch", size, Setting(size), full, size / full.batch) for size in self._batch_sizes),
            *(Expectation("agents", count, Setting(agents=count), one, count) for count in self._agents),
            *(Expectation("symbols", t, Setting(length=t), one, t / one.length) for t in self._lengths),
        ]

    def measure(self, conditions: Conditions) -> Table:
        """One row for each setting; settings are timed in turn."""
        settings = dict.fromkeys(each for expected in self.expectations() for each in (expected.setting, expected.of))
        runs = {each: TrainingRun(_GAME, [*conditions.bindings, *each.bindings()]) for each in settings}
        seconds = {each: min(times) for each, times in seconds_per_step(runs, self._rounds, {}).items()}
        games = {each: run.games_per_step for each, run in runs.items()}
        rows = [expected.row(seconds, games) for expected in self.expectations()]
        numbers = {
            "ms/step": f"of LG (S), the shortest of {self._rounds} times in turn",
            "games/s": "of all pairs together",
            "expected ms": "by batch: the largest batch's times batch / largest; by agents (so many speakers, listeners"
            " and pairs a step): one pair's times pairs; by symbols a message: 10 symbols' times symbols / 10; what is"
            " not named is 64 games, 1 pair, 10 symbols",
            "times expected": "ms/step of that: above 1 it costs more than the law says",
        }
        return Table("Cost as work grows", ("grows", "value"), numbers, rows, ("ms/step", "games/s"))


class EvaluationCells(Measurement):
    """The test `testchannel`: every number of candidates with every noise is a cell, one pass over the test split."""

    name = "evaluation_cells"
    description = (
        "Cells a second of the test by candidates and noise (mode testchannel), full-size agents on random features."
    )

    def __init__(
        self,
        games: Sequence[str] = (_GAME,),
        bindings: Sequence[str] = ("RandomFeatures.examples=2048",),
        rounds: int = 2,
    ) -> None:
        """`bindings`: gin's, for all games; the user's come after them."""
        self._games, self._bindings, self._rounds = games, bindings, rounds

    def measure(self, conditions: Conditions) -> Table:
        """One row for each game."""
        rows = [self._row(game, conditions) for game in self._games]
        numbers = {
            "cells": "numbers of candidates × noises, one pass over the test split each",
            "cells/s": f"by the shortest of {self._rounds} times, when all is compiled",
            "games/s": "the same counted in games",
            "first seconds": "what the first time takes, compile included",
        }
        return Table("Evaluation", ("game",), numbers, rows, ("cells/s", "games/s"))

    def _row(self, game: str, conditions: Conditions) -> dict[str, Any]:
        experiment = build_experiment(game, [*self._bindings, "TestChannel.passes=1", *conditions.bindings])
        test = build("TestChannel")
        inputs = experiment.data.load(test.split, ()).inputs
        evaluator = Evaluator(experiment.learner, inputs, experiment.distribution.jit_compile)
        counts = [count for count in test.candidates if count <= len(inputs)]
        noises = test.cells(experiment.learner.speaker_as(0).message_length)
        masks = [condition for noise in noises for condition in noise.conditions]
        play = functools.partial(evaluator.successes, counts, masks, test.passes, test.seed, test.split)
        first, again = time_of(play), min(time_of(play) for _ in range(self._rounds))
        cells = len(counts) * len(noises)
        games = test.passes * len(masks) * sum(len(inputs) // count * count for count in counts)
        return {
            "game": game,
            "cells": cells,
            "cells/s": cells / again,
            "games/s": games / again,
            "first seconds": first,
        }
