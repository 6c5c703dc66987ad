"""How a TPU is asked for."""

import abc

from tf_emcom.cloud.invocation import Invocation
from tf_emcom.cloud.tpu_machine import TpuMachine
from tf_emcom.cloud.waiting import Waiting


class Capacity(abc.ABC):
    """A way to get a TPU, and to give it back.

    Attributes:
      flags: of bin/tpu_job, which choose it.
    """

    flags: tuple[str, ...] = ()

    @abc.abstractmethod
    def create(self, machine: TpuMachine) -> list[Invocation | Waiting]:
        """Asks for it, and is done once it is there."""

    @abc.abstractmethod
    def delete(self, machine: TpuMachine) -> list[Invocation]:
        """Gives it back."""
