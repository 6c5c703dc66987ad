"""Writing a corpus, block by block."""

import os
import shutil
from collections.abc import Sequence
from types import TracebackType

from tf_emcom import files
from tf_emcom.evaluation.corpora import corpus
from tf_emcom.evaluation.corpora.formats import CorpusFormat
from tf_emcom.evaluation.corpora.manifest import FILE, Manifest
from tf_emcom.evaluation.corpora.recorder import Utterances


class CorpusWriter:
    """Writes beside `PATH`, and puts that folder there once the corpus is complete.

    A kill leaves the unfinished folder, whose corpus.json says so, and what was at `PATH` before; the next writer
    starts again. Whatever else stops it leaves nothing.
    """

    def __init__(
        self, path: str, manifest: Manifest, formats: Sequence[type[CorpusFormat]], keep: Sequence[str] = ()
    ) -> None:
        """Says where to write what; nothing is written yet.

        Args:
          path: the folder of the corpus.
          manifest: what describes it.
          formats: how it is written.
          keep: names of files of the corpus that is at `path` now which belong to this one, too, if they are there.

        Raises:
          UserError: something else is at `path`.
        """
        self.path = os.path.normpath(path)
        corpus.require_free(self.path)
        self._manifest, self._format_classes, self._keep = manifest, tuple(formats), tuple(keep)
        self._formats: list[CorpusFormat] = []
        self._rows = 0

    def __enter__(self) -> "CorpusWriter":
        self._whole = files.whole_folder(self.path)
        self._folder = self._whole.__enter__()
        try:
            with files.file_errors(self.path):
                self._manifest._replace(complete=False).write(self._folder)
                for form in self._format_classes:
                    self._formats.append(form(self._folder, self._manifest))
                    self._formats[-1].begin()
        except BaseException:
            self._give_up()
            raise
        return self

    def append(self, utterances: Utterances) -> None:
        """Writes a block.

        Raises:
          UserError: the disk is full, or nobody may write there.
        """
        columns = utterances.columns()
        with files.file_errors(self.path):
            for form in self._formats:
                form.append({name: columns[name] for name in self._manifest.columns})
        self._rows += len(utterances.id)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if error is None:
            try:
                with files.file_errors(self.path):
                    self._finish()
            except BaseException:
                self._give_up()
                raise
            self._whole.__exit__(None, None, None)
        else:
            self._give_up()

    def _finish(self) -> None:
        for form in self._formats:
            form.finish()
        if self._rows != self._manifest.count:
            raise RuntimeError(f"{self._rows} rows were written, but {self._manifest.count} were announced.")
        sums = files.folder_checksums(self._folder, FILE)
        self._manifest._replace(complete=True, files=sums).write(self._folder)
        for name in self._keep:
            if os.path.isfile(os.path.join(self.path, name)):
                shutil.copyfile(os.path.join(self.path, name), os.path.join(self._folder, name))

    def _give_up(self) -> None:
        for form in self._formats:
            form.close()
        # Whatever stopped it is no error of writing, unless it says so already.
        self._whole.__exit__(_GivenUpError, _GivenUpError(), None)


class _GivenUpError(Exception):
    """Makes `files.whole_folder` remove the folder."""
