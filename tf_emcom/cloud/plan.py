"""What one can ask for, and the steps that this takes."""

from collections.abc import Sequence

from tf_emcom.cloud.create_machine import CreateMachine
from tf_emcom.cloud.delete_machine import DeleteMachine
from tf_emcom.cloud.install_project import InstallProject
from tf_emcom.cloud.job_step import JobStep
from tf_emcom.cloud.start_training import StartTraining
from tf_emcom.cloud.watch_training import WatchTraining

_FROM_INSTALLING_ON = (InstallProject(), StartTraining(), WatchTraining(), DeleteMachine())

ACTIONS: dict[str, tuple[str, Sequence[JobStep]]] = {
    "create": ("rent a TPU", (CreateMachine(),)),
    "install": ("install tf_emcom on it", (InstallProject(),)),
    "train": ("train until the run ends", (StartTraining(), WatchTraining())),
    "watch": ("look at a run that is going on", (WatchTraining(),)),
    "delete": ("give the TPU back", (DeleteMachine(),)),
    "all": ("all of this: create, install, train, delete", (CreateMachine(), *_FROM_INSTALLING_ON)),
    "resume": ("the same after a preemption: delete first", (DeleteMachine(), CreateMachine(), *_FROM_INSTALLING_ON)),
}
