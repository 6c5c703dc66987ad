"""Installing tf_emcom on a TPU's hosts."""

from tf_emcom.cloud.invocation import Invocation
from tf_emcom.cloud.job import Job
from tf_emcom.cloud.job_step import JobStep
from tf_emcom.cloud.project_source import FOLDER

# Beside the repository, which is replaced when it is installed again.
ENVIRONMENT = "tf_emcom_environment"

_APT = "sudo apt-get -o DPkg::Lock::Timeout=600 --quiet"
# The images come with an older Python.
_PYTHON = (
    f"{{ python3.11 -c 'import ensurepip' 2> /dev/null || {{ {_APT} update && {_APT} install --yes python3.11"
    " python3.11-venv; }; }"
)


class InstallProject(JobStep):
    """As README.md says, on every host, in an environment of its own."""

    needs_type = True
    needs_source = True

    def purpose(self, job: Job) -> str:
        """With what runs where."""
        return f"Install tf_emcom on {'every host' if job.machine.has_many_hosts else 'the host'} of {job.machine.name}"

    def commands(self, job: Job) -> list[Invocation]:
        """What the source needs from here, then one script for all hosts."""
        pip = f"{ENVIRONMENT}/bin/pip install --quiet --constraint {FOLDER}/constraints.txt"
        script = " && ".join(
            [
                _PYTHON,
                job.source.unpack(),
                f"python3.11 -m venv {ENVIRONMENT}",
                f"{pip} --editable './{FOLDER}[tpu]'",
                # With its dependencies it would bring the package `tensorflow`, whose files overwrite tensorflow-tpu's.
                f"{pip} --no-deps tf-keras",
                f"{ENVIRONMENT}/bin/python -c 'import tensorflow'",
            ]
        )
        return [*job.source.upload(job.machine), job.machine.ssh("all", script)]

    def advice(self, job: Job) -> str:
        """A new machine may not be ready for it."""
        return (
            "a TPU that is new may not answer yet: run `bin/tpu_job install` in a minute, then `train` and `delete`,"
            " with the flags of before"
        )
