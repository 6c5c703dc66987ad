"""Starting a run on a TPU."""

import shlex

from tf_emcom.cloud.install_project import ENVIRONMENT
from tf_emcom.cloud.invocation import Invocation
from tf_emcom.cloud.job import Job
from tf_emcom.cloud.job_step import JobStep
from tf_emcom.cloud.project_source import FOLDER

# Below the home folder, beside the repository: what the run said, its process, how it ended, and who is running.
LOG, PROCESS, STATUS, LOCK = (f"tf_emcom_job.{ending}" for ending in ("log", "process", "status", "lock"))


class StartTraining(JobStep):
    """Starts bin/train, which goes on by itself where an earlier TPU left the run; it outlives the connection.

    On a slice of several hosts it runs on the first one, and the others serve it their cores: that is TensorFlow's way,
    for which their image starts a server.
    """

    needs_type = True
    needs_training = True

    def purpose(self, job: Job) -> str:
        """With what runs where."""
        where = "the first host (the others lend it their cores)" if job.machine.has_many_hosts else "the host"
        return f"Train on {where} of {job.machine.name}, from where {job.training.workdir} left off"

    def commands(self, job: Job) -> list[Invocation]:
        """One that returns once the run has started."""
        name = job.machine.name
        environment = ["env", "TPU_LOAD_LIBRARY=0"] if job.machine.has_many_hosts else []
        placed = ["--strategy=tpu", f"--tpu={name if job.machine.has_many_hosts else 'local'}"]
        python = [f"../{ENVIRONMENT}/bin/python", "bin/train"]
        train = shlex.join([*environment, *python, *job.training.words(), *placed])
        run = f"cd {FOLDER} && {train}; echo $? > ../{STATUS}"
        busy = f"echo {shlex.quote('A training is running here already; bin/tpu_job watch shows it.')} >&2; exit 1"
        # The run inherits the lock, and holds it until it ends; its log is there before anybody looks.
        script = (
            f"exec 9> {LOCK}; flock --nonblock 9 || {{ {busy}; }}; rm -f {STATUS}; : > {LOG};"
            f" setsid nohup bash -c {shlex.quote(run)} >> {LOG} 2>&1 < /dev/null & echo $! > {PROCESS}"
        )
        return [job.machine.ssh("0", script)]
