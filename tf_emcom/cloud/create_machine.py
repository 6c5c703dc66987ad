"""Getting a TPU."""

from tf_emcom.cloud.invocation import Invocation
from tf_emcom.cloud.job import Job
from tf_emcom.cloud.job_step import JobStep
from tf_emcom.cloud.waiting import Waiting


class CreateMachine(JobStep):
    """Rents the TPU; from here on it costs money."""

    needs_type = True

    def purpose(self, job: Job) -> str:
        """With its kind."""
        kind = f"{job.machine.accelerator_type}, {job.machine.version}"
        return f"Create the TPU {job.machine.name} ({kind}): it costs money from now on"

    def commands(self, job: Job) -> list[Invocation | Waiting]:
        """As its capacity is asked for."""
        return job.capacity.create(job.machine)

    def advice(self, job: Job) -> str:
        """Capacity and quota are what is usually missing."""
        return "try another zone or size, ask for quota, or wait for a free TPU with --queued or --spot"
