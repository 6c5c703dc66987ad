"""Actions: what happens between two calls of the compiled loop."""

import abc
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tf_emcom.checks import Checked, Count
from tf_emcom.data.pipeline import Pipeline
from tf_emcom.data.source import Source
from tf_emcom.runtime.checkpoints import Checkpoints
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.runtime.strategies import Distribution
from tf_emcom.schedules import in_words
from tf_emcom.training.trainee import Trainee

_ROWS = 5


class TrainingState(NamedTuple):
    """Where a training run stands, between two calls of the compiled loop."""

    step: int  # steps done
    steps: int  # steps in all
    learner: Trainee
    folder: RunFolder
    checkpoints: Checkpoints
    distribution: Distribution
    pipeline: Pipeline  # of what is played
    carried: str = ""  # what a checkpoint that is saved now keeps for the actions
    data: Source | None = None  # the run's data set, for actions that need another split

    @property
    def from_last_checkpoint(self) -> str:
        """Where the same command resumes."""
        last = self.checkpoints.last
        return f"the checkpoint of step {last}" if last else "the start"


class Action(Checked):
    """Something done every so many steps, outside the compiled step, and once more after the last one.

    A subclass overrides the methods that it needs.
    """

    every: int | None = None  # None: after every call of the compiled loop.
    # Whether what it does about a step is kept in the run's folder, so that it has to come before the step is saved: a
    # process that resumes there does not do it again.
    keeps: bool = False
    # Name ↦ the TensorBoard curve of each number that `act` returns, such as game/validation_accuracy; None: they are
    # averaged into the next line of `Log`, and are curves of it.
    curves: ClassVar[Mapping[str, str] | None] = None

    def check(self, learner: Trainee) -> None:
        """Called first, before any data is read; UserError where the action cannot be done with these agents."""

    def begin(self, training: TrainingState) -> None:
        """Called once, before the first step of this process."""

    def resume(self, state: Any) -> None:
        """Called after `begin`, where the process before was asked to stop, with what `state` returned in it."""

    def see(self, training: TrainingState, sums: dict[str, np.ndarray], steps: int) -> None:
        """Called after every call of the compiled loop, with the sums of the metrics of its `steps` steps."""

    def act(self, training: TrainingState) -> dict[str, float] | None:
        """Called when due; may return numbers that are worth noting."""

    def note(self, training: TrainingState, numbers: dict[str, float], by: "Action") -> None:
        """Called with the numbers that any action, `by`, returned."""

    def state(self) -> Any:
        """What it needs in order to continue in another process as if nothing had happened, as JSON can hold it.

        Called between two calls of the compiled loop, when the process is asked to stop, and after the last call. None:
        nothing, as it has to be at steps where regular checkpoints are saved.
        """

    def finish(self, training: TrainingState) -> None:
        """Called once, after the last step of this process, also where the run was interrupted."""

    def due(self, training: TrainingState) -> bool:
        """Whether to act now."""
        return self.every is None or training.step % self.every == 0 or training.step == training.steps


def played(training: TrainingState, index: int | None = None) -> str:
    """Which examples the last step played, and with which seed; of the run `index` where there are several in one."""
    seeds, rows = training.learner.seeds(), training.pipeline.order.indices(training.step - 1)
    if index is None and len(seeds) > 1:
        return f"step {training.step} is one of runs with the seeds {', '.join(map(str, dict.fromkeys(seeds)))}"
    rows = rows[:, index or 0] if rows.ndim > 1 else rows
    shown = f"{', '.join(map(str, rows[:_ROWS]))}{' and so on' if len(rows) > _ROWS else ''}"
    run = run_name(training.learner, index or 0)
    return f"step {training.step} with {run} played rows {shown} of the training examples"


def run_name(learner: Trainee, index: int) -> str:
    """What one of several runs is called in sentences: "seed 0", or "seed 0, noise 0.25" where numbers vary."""
    return ", ".join(filter(None, (f"seed {learner.seeds()[index]}", in_words(learner.varied()[index]))))


def by_setting(learner: Trainee, values: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Means over seeds, under names such as "accuracy, noise 0.25", of the values [R] of R runs; none where all are."""
    settings = np.array([in_words(run) for run in learner.varied()])
    return {
        f"{name}, {setting}": float(np.mean(value[settings == setting]))
        for setting in dict.fromkeys(filter(None, settings.tolist()))
        for name, value in values.items()
    }


def games_per_step(learner: Trainee) -> int:
    """How many games all pairs together play in a step."""
    return learner.batch_size * len(learner.seeds()) * learner.pairs_per_step


class AgentAction(Action, abc.ABC):
    """Changes agents between two steps, such as imitation and resets; listed in `Train.changes`.

    It is not done after the last step: agents that are kept have played since they were changed.
    """

    def __init__(self, every: Count) -> None:
        self.every: int = every

    @abc.abstractmethod
    def act(self, training: TrainingState) -> dict[str, float] | None:
        """Changes them; may return numbers that are worth noting."""

    def due(self, training: TrainingState) -> bool:
        return training.step % self.every == 0 and training.step < training.steps
