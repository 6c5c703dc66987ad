"""Giving a TPU back."""

from tf_emcom.cloud.invocation import Invocation
from tf_emcom.cloud.job import Job
from tf_emcom.cloud.job_step import JobStep


class DeleteMachine(JobStep):
    """Gives the TPU back; what is in the bucket stays."""

    def purpose(self, job: Job) -> str:
        """With what it means."""
        return f"Delete the TPU {job.machine.name}: it costs nothing any more, and its disk is gone"

    def commands(self, job: Job) -> list[Invocation]:
        """As its capacity is given back."""
        return job.capacity.delete(job.machine)

    def advice(self, job: Job) -> str:
        """A TPU may be gone already."""
        return (
            "where it says that there is no such TPU, that is what was wanted, and `bin/tpu_job all` starts a job on a"
            " new one; else delete it in the cloud console"
        )
