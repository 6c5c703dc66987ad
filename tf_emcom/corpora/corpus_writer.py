"""Writing a corpus, block by block."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from types import TracebackType

from tf_emcom.corpora import places
from tf_emcom.corpora.formats.corpus_format import CorpusFormat
from tf_emcom.corpora.manifest import Manifest
from tf_emcom.corpora.utterances import Utterances
from tf_emcom.errors import UserError

_LOCK = ".lock"


class CorpusWriter:
    """Writes to `PATH.unfinished`, which becomes `PATH` once the corpus is complete.

    A kill leaves the unfinished folder, whose corpus.json says so, and what was at `PATH` before; the next writer
    begins anew.
    """

    def __init__(self, path: str, manifest: Manifest, formats: Sequence[type[CorpusFormat]]) -> None:
        """Says where to write what; nothing is written yet.

        Raises:
          UserError: something else is at `path`.
        """
        self.path = os.path.normpath(path)
        places.require_free(self.path)
        self._folder = places.unfinished(self.path)
        self._manifest = manifest
        self._formats = [form(self._folder, manifest) for form in formats]
        self._rows = 0

    def __enter__(self) -> "CorpusWriter":
        with self._failure_told():
            os.makedirs(self._folder, exist_ok=True)
            self._take()
            places.put_back(self.path)
            self._manifest._replace(complete=False).write(self._folder)
            for form in self._formats:
                form.begin()
        return self

    def append(self, utterances: Utterances) -> None:
        """Writes a block.

        Raises:
          UserError: the disk is full, or nobody may write there.
        """
        columns = utterances.columns()
        with self._failure_told():
            for form in self._formats:
                form.append({name: columns[name] for name in self._manifest.columns})
        self._rows += len(utterances.id)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if error is None:
            with self._failure_told():
                self._finish()
        self._lock.close()

    def _finish(self) -> None:
        for form in self._formats:
            form.finish()
        if self._rows != self._manifest.count:
            raise RuntimeError(f"{self._rows} rows were written, but {self._manifest.count} were announced.")
        self._manifest._replace(complete=True).write(self._folder)
        os.remove(os.path.join(self._folder, _LOCK))
        places.replace(self.path)

    def _take(self) -> None:
        """Makes the unfinished folder this process's own, and empty."""
        self._lock = open(os.path.join(self._folder, _LOCK), "w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise UserError(
                f"Another process is writing the corpus {self.path}; wait until it ends, or give another --out."
            ) from error
        for entry in os.scandir(self._folder):
            if entry.is_dir():
                shutil.rmtree(entry.path)
            elif entry.name != _LOCK:
                os.remove(entry.path)

    @contextlib.contextmanager
    def _failure_told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"The corpus {self.path} cannot be written ({error.strerror or error}); mend that, or give another"
                " --out, and start the same command again."
            ) from error
