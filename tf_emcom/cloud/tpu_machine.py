"""Which TPU, and where."""

import re
from typing import NamedTuple

from tf_emcom.cloud.invocation import Invocation
from tf_emcom.errors import UserError

# https://docs.cloud.google.com/tpu/docs/runtimes: images without a framework, since the job installs its own.
_VERSIONS = {"v6e": "v2-alpha-tpuv6e", "v5p": "v2-alpha-tpuv5", "v5litepod": "v2-alpha-tpuv5-lite"}
_OLDER = "tpu-ubuntu2204-base"
# Of every generation, counted as its accelerator types count: cores up to v5p, chips in v5e and v6e.
_LARGEST_HOST = 8
_PATTERNS = {
    "name": ("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", "lower-case letters, digits and hyphens, as in lg-s-1"),
    "zone": ("[a-z]+-[a-z]+[0-9]+-[a-z]", "a zone, as in us-west4-a"),
    "project": ("([a-z][-a-z0-9.]*:)?[a-z][-a-z0-9]{4,28}[a-z0-9]", "a project's ID, as in my-project-1"),
    "accelerator_type": ("v[0-9][a-z]*-[1-9][0-9]*", "a generation and a size, as in v5litepod-4 or v4-8"),
    "version": ("[a-z0-9][-a-z0-9._]*", "a TPU software version, as in v2-alpha-tpuv5-lite"),
}


class TpuMachine(NamedTuple):
    """A TPU with its hosts; `accelerator_type` and `version` are empty where only its name matters."""

    name: str
    where: tuple[str, ...]  # the flags --zone and --project
    accelerator_type: str = ""
    version: str = ""

    @property
    def has_many_hosts(self) -> bool:
        """Whether its cores belong to more than one host."""
        return bool(self.accelerator_type) and _size(self.accelerator_type) > _LARGEST_HOST

    def ssh(self, worker: str, script: str) -> Invocation:
        """Runs a text of the shell on a host (its number) or on "all"; whoever writes it quotes what is in it."""
        flags = (*self.where, f"--worker={worker}", f"--command={script}", "--quiet")
        return Invocation(("gcloud", "compute", "tpus", "tpu-vm", "ssh", self.name, *flags))


def tpu_machine(
    name: str, zone: str, project: str | None = None, accelerator_type: str | None = None, version: str | None = None
) -> TpuMachine:
    """Checks what was given, and adds the software version where that follows from the rest.

    Raises:
      UserError: something is no such name, or a slice of several hosts lacks its version.
    """
    given = {"name": name, "zone": zone, "project": project, "accelerator_type": accelerator_type, "version": version}
    for flag, value in given.items():
        pattern, meaning = _PATTERNS[flag]
        if value is not None and not re.fullmatch(pattern, value):
            raise UserError(f"--{flag} is {value!r}, but it has to be {meaning}.")
    where = (f"--zone={zone}", *([f"--project={project}"] if project else []))
    if accelerator_type is None:
        return TpuMachine(name, where)
    if version is None and _size(accelerator_type) > _LARGEST_HOST:
        raise UserError(
            f"--version is missing: {accelerator_type} has several hosts, which need the image of TensorFlow 2.20 for"
            f" slices, with -pod in its name; `gcloud compute tpus tpu-vm versions list --zone={zone}` lists them."
        )
    usual = _VERSIONS.get(accelerator_type.split("-")[0], _OLDER)
    return TpuMachine(name, where, accelerator_type, version or usual)


def _size(accelerator_type: str) -> int:
    return int(accelerator_type.rpartition("-")[2])
