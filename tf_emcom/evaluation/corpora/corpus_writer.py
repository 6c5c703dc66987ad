"""Writing a corpus, block by block."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence

from tf_emcom import files
from tf_emcom.evaluation.corpora.corpus import require_free
from tf_emcom.evaluation.corpora.formats import CorpusFormat
from tf_emcom.evaluation.corpora.manifest import FILE, Manifest
from tf_emcom.evaluation.corpora.recorder import Utterances


class _StoppedError(Exception):
    """Whatever stops the writing: it makes `files.whole_folder` remove the folder, and is no error of writing."""


@contextlib.contextmanager
def new_corpus(
    path: str, manifest: Manifest, formats: Sequence[type[CorpusFormat]], keep: Sequence[str] = ()
) -> Iterator[Callable[[Utterances], None]]:
    """Within it, a function that appends a block to a folder beside `path`; after it, that corpus is at `path`.

    Files of the corpus that is at `path` now are kept if their names are in `keep`. A kill leaves the unfinished
    folder, whose corpus.json says so, and what was at `path` before; the next writer starts again. Whatever else stops
    it leaves nothing. UserError where something else is at `path`, the disk is full, or nobody may write there.
    """
    path = os.path.normpath(path)
    require_free(path)
    rows = 0

    def append(utterances: Utterances) -> None:
        nonlocal rows
        columns = utterances.columns()
        with files.file_errors(path):
            for write in writers:
                write({name: columns[name] for name in manifest.columns})
        rows += len(utterances.id)

    try:
        with files.whole_folder(path) as folder:
            with contextlib.ExitStack() as opened:
                manifest._replace(complete=False).write(folder)
                writers = [opened.enter_context(form(folder, manifest).writing()) for form in formats]
                try:
                    yield append
                except BaseException as error:
                    raise _StoppedError from error
            if rows != manifest.count:
                raise RuntimeError(f"{rows} rows were written, but {manifest.count} were announced.")
            sums = files.folder_checksums(folder, FILE)
            manifest._replace(complete=True, files=sums).write(folder)
            for name in keep:
                if os.path.isfile(os.path.join(path, name)):
                    shutil.copyfile(os.path.join(path, name), os.path.join(folder, name))
    except _StoppedError as stopped:
        raise stopped.__cause__ from None
