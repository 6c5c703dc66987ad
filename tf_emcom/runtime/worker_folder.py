"""What a worker sees of a run's folder."""

import tempfile

from tf_emcom.files import file_errors
from tf_emcom.runtime.run_folder import RunFolder


class WorkerFolder(RunFolder):
    """For the processes of a run besides its chief: reads what the chief wrote, and writes where nobody looks.

    TensorFlow wants every process to save; what these write goes away with them.
    """

    def __init__(self, path: str) -> None:
        """`path` is the run's folder, which all processes can read."""
        # Kept, since it is removed once nobody refers to it; what removing it lacks is nothing to stop for.
        with file_errors(tempfile.gettempdir(), fix="make room there, or name another folder by TMPDIR"):
            self._scratch = tempfile.TemporaryDirectory(prefix="tf_emcom-worker-", ignore_cleanup_errors=True)
        super().__init__(self._scratch.name)
        self._run = RunFolder(path)
        self.config = self._run.config
        self.checkpoints = self._run.checkpoints

    def read_config(self) -> str | None:
        """As the chief does."""
        return self._run.read_config()

    def has_results(self) -> bool:
        """Whether anything was trained in the run."""
        return self._run.has_results()

    def read_document(self, name: str) -> str:
        """As the chief does."""
        return self._run.read_document(name)

    def has_document(self, name: str) -> bool:
        """Whether the run has it."""
        return self._run.has_document(name)

    def lock(self) -> None:
        """Nothing: the chief locks for all."""

    def close(self) -> None:
        """Removes what this process wrote."""
        self._scratch.cleanup()

    def clear_unfinished(self) -> None:
        """Nothing: the chief does it."""

    def write_config(self, text: str) -> None:
        """Nothing: the chief writes it."""

    def write_document(self, name: str, text: str) -> None:
        """Nothing: the chief writes it."""
