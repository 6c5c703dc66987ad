"""A job for people to read, and for a shell to run."""

from collections.abc import Sequence

from tf_emcom.cloud.job import Job
from tf_emcom.cloud.job_step import JobStep


def printed(job: Job, steps: Sequence[JobStep]) -> str:
    """A script of bash that does the steps and stops at the first command that fails."""
    lines = ["set -euo pipefail"]
    for number, step in enumerate(steps, start=1):
        # In one line, whatever is in a name: what follows a line break would be run.
        lines += ["", f"# {number}. {' '.join(step.purpose(job).split())}."]
        lines += [command.text() for command in step.commands(job)]
    return "\n".join(lines)
