"""The folder of an export, for tests of its agents."""

import os

import tensorflow as tf

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.runtime.checkpoints import NEWEST
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.tools.export.contents import METADATA
from tf_emcom.tools.export.formats import SavedModel
from tf_emcom.training.trained_speaker import SPEAKER_CONFIG
from tf_emcom.training.trainee import Agents

_FIX = "export the run again, with tf-emcom export --workdir=RUN"


class ExportFolder(RunFolder):
    """A SavedModel that tests read as they read a run; results may go to another folder."""

    def __init__(self, saved_model: str, path: str | None = None) -> None:
        """`path` is the folder of results; None: the SavedModel's folder."""
        super().__init__(path or saved_model, os.path.join(saved_model, SavedModel.texts))
        self.saved_model = saved_model

    def require_config(self) -> str:
        """The configuration of the exported run; UserError where there is no export, or a damaged one."""
        if tf.io.gfile.exists(os.path.join(self.saved_model, METADATA)):
            raise UserError(
                f"{self.saved_model} holds an export of weights alone, but tests need its functions; name a folder that"
                " tf-emcom export --workdir=RUN wrote without --format."
            )
        files.require_unchanged(self.saved_model, _FIX)
        entry = os.path.join(self.saved_model, SavedModel.entry)
        if not tf.io.gfile.exists(entry) or not self.has_document(METADATA):
            raise UserError(
                f"There is no export of a run in {self.saved_model}; name a folder that tf-emcom export"
                " --workdir=RUN wrote."
            )
        return super().require_config()

    def has_results(self) -> bool:
        """True, so that the configuration must be the exported run's."""
        return True

    @property
    def bindings(self) -> dict[str, str]:
        """The exported agents take the place of the learner."""
        agents = "@ExportedTransfer" if self.has_document(SPEAKER_CONFIG) else "@ExportedAgents"
        return {
            "Experiment.learner_cls": agents,
            "Experiment.independent_cls": agents,
            f"{agents[1:]}.saved_model": repr(self.saved_model),
        }

    def restore_agents(self, agents: Agents, which: str = NEWEST) -> int:
        """The step of the exported checkpoint, whose weights the agents have; UserError: another one is asked for."""
        if which != NEWEST:
            raise UserError(
                f"{self.saved_model} is an export, which holds the agents of one step; leave --checkpoint out, or test"
                " the run that was exported."
            )
        path = os.path.join(self.source, METADATA)
        step = files.read_json(path, _FIX).get("step")
        if not isinstance(step, int):
            raise UserError(f"{path} is damaged (it has no step); {_FIX}.")
        return step
