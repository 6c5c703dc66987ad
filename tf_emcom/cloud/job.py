"""What one training job is."""

from typing import NamedTuple

from tf_emcom.cloud.capacity import Capacity
from tf_emcom.cloud.project_source import ProjectSource
from tf_emcom.cloud.tpu_machine import TpuMachine
from tf_emcom.cloud.training_flags import TrainingFlags


class Job(NamedTuple):
    """A TPU and what it does; what none of the steps needs is None."""

    machine: TpuMachine
    capacity: Capacity
    source: ProjectSource | None = None
    training: TrainingFlags | None = None

    def command(self, action: str) -> str:
        """The command for an action on this job's TPU that needs to know nothing else."""
        flags = (f"--name={self.machine.name}", *self.machine.where, *self.capacity.flags)
        return " ".join(["bin/tpu_job", action, *flags])
