"""A TPU once there is one."""

from tf_emcom.cloud.capacity import Capacity
from tf_emcom.cloud.invocation import Invocation
from tf_emcom.cloud.tpu_machine import TpuMachine
from tf_emcom.cloud.waiting import Waiting

_QUEUE = ("gcloud", "compute", "tpus", "queued-resources")
# https://docs.cloud.google.com/tpu/docs/queued-resources: what comes after a preemption, or in place of a TPU.
_HOPELESS = ("FAILED", "SUSPENDING", "SUSPENDED", "DELETING")


class Queued(Capacity):
    """A request that waits until a TPU is free; the request and the TPU have one name."""

    flags = ("--queued",)

    def create(self, machine: TpuMachine) -> list[Invocation | Waiting]:
        """Queues, and asks every half minute whether the TPU is there."""
        kind = (f"--accelerator-type={machine.accelerator_type}", f"--runtime-version={machine.version}")
        asked = (f"--node-id={machine.name}", *machine.where, *kind, *self._terms())
        state = ("describe", machine.name, *machine.where, "--format=value(state.state)")
        return [
            Invocation((*_QUEUE, "create", machine.name, *asked)),
            Waiting((*_QUEUE, *state), reached="ACTIVE", hopeless=_HOPELESS),
        ]

    def delete(self, machine: TpuMachine) -> list[Invocation]:
        """Deletes the request with its TPU, whether that is there or was taken away."""
        return [Invocation((*_QUEUE, "delete", machine.name, *machine.where, "--force", "--quiet"))]

    def _terms(self) -> tuple[str, ...]:
        return ()
