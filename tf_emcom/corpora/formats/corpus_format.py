"""What every format of corpora is."""

import abc
import importlib.util
import os
from collections.abc import Sequence

import numpy as np

from tf_emcom import checksums, files
from tf_emcom.corpora.manifest import Manifest
from tf_emcom.errors import UserError


class CorpusFormat(abc.ABC):
    """How a corpus lies in files: written block by block, in memory that does not grow with the corpus, and read back.

    Its name is the class's, in lower case.

    Attributes:
      library: what it needs of the extra `corpora`; None: nothing.
      holds: a regular expression of the paths of its files in the folder of a corpus.
    """

    library: str | None = None
    holds: str

    def __init__(self, folder: str, manifest: Manifest) -> None:
        """Says where the files are, and what is in them."""
        self.folder = folder
        self.manifest = manifest

    @classmethod
    def check(cls) -> None:
        """Called before anything is computed; UserError where the library is missing."""
        if cls.library is not None and importlib.util.find_spec(cls.library) is None:
            raise UserError(
                f"Corpora in the format {cls.__name__.lower()} need {cls.library}, which is not installed; run pip"
                " install -c constraints.txt -e '.[corpora]', or choose --format=jsonl or --format=numpy."
            )

    def keeps(self, column: str) -> bool:
        """Whether a column is written."""
        return True

    @abc.abstractmethod
    def begin(self) -> None:
        """Makes the files, in the folder that is there."""

    @abc.abstractmethod
    def append(self, columns: dict[str, np.ndarray]) -> None:
        """Writes the next B rows; every column of the manifest, each [B, ...]."""

    @abc.abstractmethod
    def finish(self) -> None:
        """Called once, after the last block."""

    @abc.abstractmethod
    def close(self) -> None:
        """Called in place of `finish`, or after it failed, at any moment after `begin` was called; raises nothing."""

    @abc.abstractmethod
    def read(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Columns that it keeps: name ↦ [N, ...] in the types they were written in.

        UserError where a file is missing or damaged.
        """

    def require_undamaged(self, path: str) -> None:
        """UserError where a file is missing or not as it was written; of older corpora that is not known."""
        if not os.path.isfile(path):
            raise self.damaged(path, "it is missing" if not os.path.lexists(path) else "it is no regular file")
        if self.manifest.files is None:
            return
        written = self.manifest.files.get(os.path.relpath(path, self.folder))
        try:
            found = checksums.of_file(path)
        except files.FILE_ERRORS as error:
            raise self.damaged(path, files.reason(error)) from error
        if found != written:
            raise self.damaged(path, f"its checksum is {found}, and {written} was written")

    def damaged(self, path: str, how: str) -> UserError:
        """What is to be raised about a file that is not as it was written."""
        return UserError(f"{path} is damaged ({how}); write the corpus again with {self.manifest.command}")
