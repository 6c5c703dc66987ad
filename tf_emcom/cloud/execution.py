"""Doing what would be printed."""

import shutil
import subprocess
import time
from collections.abc import Sequence

from tf_emcom.cloud.invocation import Invocation
from tf_emcom.cloud.job import Job
from tf_emcom.cloud.job_step import JobStep
from tf_emcom.cloud.waiting import SECONDS, Waiting
from tf_emcom.errors import UserError


class Execution:
    """Runs the commands of a job's steps, without any shell on this machine, up to the first one that fails."""

    def __init__(self, job: Job, seconds_between_questions: float = SECONDS) -> None:
        """UserError where Google Cloud's tool is not installed."""
        if not shutil.which("gcloud"):
            raise UserError(
                "There is no gcloud on the PATH, with which --run would do this; install the Google Cloud CLI"
                " (https://cloud.google.com/sdk/docs/install) and run `gcloud init`, or leave out --run to see the"
                " commands."
            )
        self.job = job
        self._seconds = seconds_between_questions

    def run(self, steps: Sequence[JobStep]) -> int:
        """Runs them and returns the exit status: 0, or that of the command that failed."""
        for number, step in enumerate(steps, start=1):
            print(f"[{number} of {len(steps)}] {step.purpose(self.job)}.", flush=True)
            for command in step.commands(self.job):
                print(command.text(), flush=True)
                status = self._wait(command) if isinstance(command, Waiting) else self._once(command)
                if status:
                    print(
                        f"Error: this command ended with status {status}: {command.text()}\n"
                        f"What to do: {step.advice(self.job)}. {self.warning()}",
                        flush=True,
                    )
                    return status
        return 0

    def warning(self) -> str:
        """What is easily forgotten."""
        return f"A TPU that is there costs money until `{self.job.command('delete')} --run`."

    def _once(self, command: Invocation) -> int:
        return _status(subprocess.run(command.words, check=False).returncode)

    def _wait(self, command: Waiting) -> int:
        state = ""
        while True:
            asked = subprocess.run(command.words, check=False, stdout=subprocess.PIPE, text=True)
            if asked.returncode:
                return _status(asked.returncode)
            if asked.stdout.strip() != state:
                state = asked.stdout.strip()
                print(f"It is {state or 'in no state yet'}.", flush=True)
            if state == command.reached:
                return 0
            if state in command.hopeless:
                return 1
            time.sleep(self._seconds)


def _status(returned: int) -> int:
    """As a shell tells it: 128 and the signal's number where one ended the command."""
    return 128 - returned if returned < 0 else returned
