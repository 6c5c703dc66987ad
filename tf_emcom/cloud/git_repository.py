"""tf_emcom from a repository."""

import shlex

from tf_emcom.cloud.project_source import FOLDER, ProjectSource
from tf_emcom.errors import UserError


class GitRepository(ProjectSource):
    """A repository that the hosts can clone."""

    def __init__(self, address: str, revision: str | None = None) -> None:
        """Says which.

        Args:
          address: as `git clone` takes it.
          revision: a branch or a tag; None: the repository's default.

        Raises:
          UserError: that is no address of another machine.
        """
        if "://" not in address and "@" not in address:
            raise UserError(
                f"--source is {address}; give the address of a git repository, as in https://…, or an archive of it on"
                " this machine whose name ends in .tar.gz."
            )
        self.address = address
        self.revision = revision

    def unpack(self) -> str:
        """A clone without history."""
        chosen = [f"--branch={self.revision}"] if self.revision else []
        clone = ["git", "clone", "--quiet", "--depth=1", *chosen, "--", self.address, FOLDER]
        return f"rm -rf {FOLDER} && {shlex.join(clone)}"
