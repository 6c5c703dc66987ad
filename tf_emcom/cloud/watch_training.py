"""Following a run on a TPU."""

from tf_emcom.cloud.invocation import Invocation
from tf_emcom.cloud.job import Job
from tf_emcom.cloud.job_step import JobStep
from tf_emcom.cloud.start_training import LOG, PROCESS, STATUS


class WatchTraining(JobStep):
    """Shows what the run says until it ends, and ends as it did."""

    def purpose(self, job: Job) -> str:
        """With the way out."""
        return f"Show what the run on {job.machine.name} says until it ends (Ctrl-C leaves it running)"

    def commands(self, job: Job) -> list[Invocation]:
        """One that takes as long as the run."""
        script = f'tail --lines=+1 --follow --pid="$(cat {PROCESS})" {LOG}; exit "$(cat {STATUS} || echo 1)"'
        return [job.machine.ssh("0", script)]

    def advice(self, job: Job) -> str:
        """The two ways in which a connection ends before its run."""
        return (
            f"if the run failed, its own words are above; if only the connection broke, `{job.command('watch')} --run`"
            " goes on showing; if the TPU was taken away, `bin/tpu_job resume` and the flags of before go on training"
        )
