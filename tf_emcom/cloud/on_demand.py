"""A TPU at once."""

from tf_emcom.cloud.capacity import Capacity
from tf_emcom.cloud.invocation import Invocation
from tf_emcom.cloud.tpu_machine import TpuMachine


class OnDemand(Capacity):
    """A TPU at once, at the full price, or a refusal where none is free; it is never taken away."""

    def create(self, machine: TpuMachine) -> list[Invocation]:
        """One command, which waits."""
        kind = (f"--accelerator-type={machine.accelerator_type}", f"--version={machine.version}")
        return [Invocation(("gcloud", "compute", "tpus", "tpu-vm", "create", machine.name, *machine.where, *kind))]

    def delete(self, machine: TpuMachine) -> list[Invocation]:
        """One command, which does not ask back."""
        words = ("gcloud", "compute", "tpus", "tpu-vm", "delete", machine.name, *machine.where, "--quiet")
        return [Invocation(words)]
