"""tf_emcom from this machine."""

import os

from tf_emcom.cloud.invocation import Invocation
from tf_emcom.cloud.project_source import FOLDER, ProjectSource
from tf_emcom.cloud.tpu_machine import TpuMachine
from tf_emcom.errors import UserError

_THERE = "tf_emcom.archive"


class TarArchive(ProjectSource):
    """An archive with one folder at its top, as `git archive --prefix=tf_emcom/` writes it."""

    endings = (".tar", ".tar.gz", ".tgz")

    def __init__(self, path: str) -> None:
        """UserError where there is no such file."""
        if not os.path.isfile(path):
            raise UserError(
                f"--source is {path}, but there is no such file; write it in the repository with `git archive"
                " --prefix=tf_emcom/ --output=tf_emcom.tar.gz HEAD`, or give the address of a git repository."
            )
        # In an absolute path, no colon can be taken for the end of a machine's name.
        self.path = os.path.abspath(path)

    def upload(self, machine: TpuMachine) -> list[Invocation]:
        """A copy for every host."""
        words = ("scp", self.path, f"{machine.name}:{_THERE}", *machine.where, "--worker=all", "--quiet")
        return [Invocation(("gcloud", "compute", "tpus", "tpu-vm", *words))]

    def unpack(self) -> str:
        """Without the archive's top folder, whatever that is called."""
        return f"rm -rf {FOLDER} && mkdir {FOLDER} && tar -xf {_THERE} -C {FOLDER} --strip-components=1"
