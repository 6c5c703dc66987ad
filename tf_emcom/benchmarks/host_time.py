"""Time that training spends outside its steps."""

import contextlib
import io
import statistics
import tempfile
import time
from typing import Any, NamedTuple

import numpy as np

from tf_emcom.benchmarks.conditions import Conditions
from tf_emcom.benchmarks.measurement import Measurement
from tf_emcom.benchmarks.rehearsal import Rehearsal, experiment_of
from tf_emcom.benchmarks.table import Table
from tf_emcom.benchmarks.timing import enough, in_turn
from tf_emcom.runtime.config import build
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training.actions.action import Action, TrainingState
from tf_emcom.training.actions.checkpoint import Checkpoint
from tf_emcom.training.actions.logs import Log, Progress, StopOnNan
from tf_emcom.training.actions.tensor_board import TensorBoard

_ROUNDS = 7
# What `Train` does by default.
_STEPS_PER_CALL = 100


class Spent(NamedTuple):
    """Seconds that were measured."""

    pure: float  # a step on a fixed batch
    fed: float  # a step fed by the pipeline
    one: float  # a call of one step
    between: float  # from one call to the next
    checkpoint: float  # the same where a checkpoint is saved

    def row(self, steps_per_call: int) -> dict[str, float]:
        """The columns, for calls of so many steps."""
        call = max(self.one - self.fed, 0.0)
        whole = steps_per_call * self.fed + call + self.between
        return {
            "pure ms": 1e3 * self.pure,
            "fed ms": 1e3 * self.fed,
            "wait %": 100 * (self.fed - self.pure) / self.fed,
            "call ms": 1e3 * call,
            "between ms": 1e3 * self.between,
            "checkpoint ms": 1e3 * self.checkpoint,
            "outside %": 100 * (whole - steps_per_call * self.pure) / whole,
        }


class HostTime(Measurement):
    """What training spends outside its steps: on waiting for data, on a call of the inner loop, and between calls.

    The pure step is the same step again and again on one batch that is there already, in a loop of the same length.
    """

    def __init__(self, batch_sizes: tuple[int, ...] = (64, 1024), rounds: int = _ROUNDS, calls: int = 5) -> None:
        """`calls`: of the outer loop, of which the median counts."""
        self._batch_sizes, self._rounds, self._calls = batch_sizes, rounds, calls

    def measure(self, conditions: Conditions) -> Table:
        """One row a batch size, of LG (S)."""
        rows = [self._row(size, conditions) for size in self._batch_sizes]
        numbers = {
            "pure ms": f"a step on one fixed batch, the shortest of {self._rounds} times in turn",
            "fed ms": "a step fed by the pipeline, the shortest of the same",
            "wait %": "the fed step's share that is not the pure one: waiting for data; about 0 may be negative",
            "call ms": "what a call of one step takes more than a step in a long call, 0 where the noise is larger",
            "between ms": f"from one call to the next in a real run, median: {_ACTIONS}",
            "checkpoint ms": "the same where a checkpoint falls due",
            "outside %": f"the share of waiting, call and between in calls of {_STEPS_PER_CALL} steps",
        }
        return Table("Time outside the step", ("game", "batch"), numbers, rows, ("fed ms", "outside %"))

    def _row(self, size: int, conditions: Conditions) -> dict[str, Any]:
        bindings = [*conditions.bindings, f"batch_size={size}"]
        run = Rehearsal("lg_s", bindings)
        run.advance(2)
        steps = max(2, enough(run.advance))
        run.repeat(steps)
        works = {
            "pure": lambda: run.repeat(steps),
            "fed": lambda: run.advance(steps),
            "one": lambda: run.advance(1),
        }
        seconds = {name: min(times) for name, times in in_turn(works, self._rounds).items()}
        spent = Spent(seconds["pure"] / steps, seconds["fed"] / steps, seconds["one"], *self._between(bindings))
        return {"game": "lg_s", "batch": size, **spent.row(_STEPS_PER_CALL)}

    def _between(self, bindings: list[str]) -> tuple[float, float]:
        """Seconds between two calls, with and without a checkpoint, in a training run of calls of one step."""
        experiment = experiment_of("lg_s", [*bindings, f"steps={self._calls + 1}", "Train.steps_per_call=1"])
        begin, end = _Begin(), _End()
        # The last step saves; those before it do not.
        actions = [begin, StopOnNan(), Log(1), TensorBoard(10**9), Checkpoint(10**9), Progress(), end]
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            build("Train", actions).run(experiment, RunFolder(folder))
        spans = [last - first for first, last in zip(begin.times, end.times, strict=True)]
        return statistics.median(spans[:-1]), spans[-1]


_ACTIONS = "stopping on NaN, logging, curves for TensorBoard and progress"


class _Begin(Action):
    """Notes when a call has come back; the first of the actions."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def see(self, training: TrainingState, sums: dict[str, np.ndarray], steps: int) -> None:
        """Called before any action does anything."""
        self.times.append(time.perf_counter())


class _End(Action):
    """Notes when all actions are done; the last of them."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def act(self, training: TrainingState) -> None:
        """Called after all actions that are due."""
        self.times.append(time.perf_counter())
