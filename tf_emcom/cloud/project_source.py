"""Where a TPU's hosts get tf_emcom from."""

import abc

from tf_emcom.cloud.invocation import Invocation
from tf_emcom.cloud.tpu_machine import TpuMachine

# Below the home folder of every host.
FOLDER = "tf_emcom"


class ProjectSource(abc.ABC):
    """Brings the repository into `~/tf_emcom` of every host, in place of what was there."""

    def upload(self, machine: TpuMachine) -> list[Invocation]:
        """Commands here, before those over there."""
        return []

    @abc.abstractmethod
    def unpack(self) -> str:
        """Text for the shell of every host."""
