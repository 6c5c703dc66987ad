"""The base classes of modes."""

import abc

from tf_emcom.checks import Checked
from tf_emcom.errors import UserError
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training.experiment import Experiment


class Mode(Checked, abc.ABC):
    """Something a command does with an experiment and a run's folder; its name is the class's, in lower case."""

    threads_per_operation: int | None = None  # of a CPU; None: all cores

    @abc.abstractmethod
    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        """Does it."""


class Training(Mode):
    """A mode that makes a run: its folder must be new, or that of a run with the same configuration."""


class Evaluation(Mode):
    """A mode that reads a run: the folder must hold a run of agents that fit."""

    checkpoint: str = ""  # the folder of the run that is read, where that is another one than the results go to

    def restore(self, experiment: Experiment, folder: RunFolder) -> int:
        """Takes the agents from a checkpoint of the run that is read, which `folder` says, and returns its step.

        UserError where there is none, it does not fit, it is damaged, or it holds weights that are not finite.
        """
        source = RunFolder(self.checkpoint) if self.checkpoint else folder
        step = source.restore_agents(experiment.learner, folder.which)
        if experiment.learner.not_finite():
            raise UserError(
                f"The agents of step {step:,} in {source.path} have weights that are NaN or infinite, so that nothing"
                " can be measured of them; test another run, or train this one again at a lower learning rate."
            )
        return step
