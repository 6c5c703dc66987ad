"""What every step of a job is."""

import abc

from tf_emcom.cloud.invocation import Invocation
from tf_emcom.cloud.job import Job
from tf_emcom.cloud.waiting import Waiting


class JobStep(abc.ABC):
    """Some commands that belong together.

    Attributes:
      needs_type: whether it has to know what kind of TPU it is.
      needs_source: whether it has to know where tf_emcom comes from.
      needs_training: whether it has to know what is trained.
    """

    needs_type = False
    needs_source = False
    needs_training = False

    @abc.abstractmethod
    def purpose(self, job: Job) -> str:
        """What it does, and where, in one line."""

    @abc.abstractmethod
    def commands(self, job: Job) -> list[Invocation | Waiting]:
        """In this order."""

    def advice(self, job: Job) -> str:
        """What to do when one of them fails, as a part of a sentence."""
        return "mend what it says, then run the step again"
