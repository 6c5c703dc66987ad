"""What every action is."""

import abc
from typing import NamedTuple

import numpy as np

from tf_emcom.errors import UserError
from tf_emcom.learner import Learner
from tf_emcom.runtime.checkpoints import Checkpoints
from tf_emcom.runtime.run_folder import RunFolder


class Moment(NamedTuple):
    """Where a training run stands, between two calls of the compiled loop."""

    step: int  # steps done
    steps: int  # steps in all
    learner: Learner
    folder: RunFolder
    checkpoints: Checkpoints


class Action(abc.ABC):
    """Something done every so many steps, outside the compiled step, and once more after the last one.

    Attributes:
      every: how many steps lie between; None: it is done after every call of the compiled loop.
    """

    every: int | None = None

    def begin(self, moment: Moment) -> None:
        """Called once, before the first step of this process."""

    def see(self, moment: Moment, sums: dict[str, np.ndarray], steps: int) -> None:
        """Called after every call of the compiled loop, with the sums of the metrics of its `steps` steps."""

    @abc.abstractmethod
    def act(self, moment: Moment) -> None:
        """Called when due."""

    def finish(self, moment: Moment) -> None:
        """Called once, after the last step of this process, also where the run was interrupted."""

    def due(self, moment: Moment) -> bool:
        """Whether to act now."""
        return self.every is None or moment.step % self.every == 0 or moment.step == moment.steps


def check_every(name: str, every: int) -> int:
    """`every`, if it is a number of steps; UserError otherwise."""
    if every < 1:
        raise UserError(f"{name}.every is {every}, but it counts steps; bind it to 1 or more.")
    return every
