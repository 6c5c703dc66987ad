"""A corpus of messages: its folder and its columns."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence

import numpy as np

from tf_emcom import files
from tf_emcom.data.pipeline import Order
from tf_emcom.errors import UserError
from tf_emcom.evaluation.corpora import manifest
from tf_emcom.evaluation.corpora.formats import Append, CorpusFormat
from tf_emcom.evaluation.corpora.manifest import Manifest
from tf_emcom.runtime.catalogue import choose, plug_ins

ANALYSIS = "analysis.jsonl"


def standing(path: str) -> str:
    """Where the corpus of `path` is: elsewhere only if a kill came while it was replaced."""
    old = path + files.OLD_FOLDER
    return old if os.path.isdir(old) and not os.path.lexists(path) else path


def older_manifest(path: str) -> Manifest | None:
    """The description of the corpus that is at `path`; None where none is, or its description is damaged."""
    try:
        return Manifest.read(standing(path))
    except UserError:
        return None


def require_free(path: str) -> None:
    """Raises a UserError where a corpus at `path` would take the place of anything but a corpus."""
    if files.is_remote(path):
        raise UserError(f"A corpus cannot be written to {path}, only to a local disk; give another --out.")
    if not os.path.lexists(path):
        return
    with files.file_errors(path, "cannot be read", "look at its rights, or give another --out"):
        walk = [(folder, name) for folder, _, names in os.walk(path) for name in names]
        is_empty = os.path.isdir(path) and not os.listdir(path)
    there = sorted(os.path.relpath(os.path.join(*each), path) for each in walk)
    if not is_empty and manifest.FILE not in there:
        raise UserError(f"{path} is there already and is no corpus, so it is left alone; give another --out.")
    ours = "|".join(form.holds for form in plug_ins(CorpusFormat).values())
    for name in there:
        # A kill leaves what was being written under another name.
        if not re.fullmatch(rf"({re.escape(manifest.FILE)}|{ANALYSIS}|{ours})(\..+\.new)?", name):
            raise UserError(
                f"The folder {path} holds {name}, which is no part of a corpus; move that file, or give another --out."
            )


class _StoppedError(Exception):
    """Whatever stops the writing: it makes `files.whole_folder` remove the folder, and is no error of writing."""


@contextlib.contextmanager
def new_corpus(
    path: str, about: Manifest, formats: Sequence[type[CorpusFormat]], keep: Sequence[str] = ()
) -> Iterator[Append]:
    """Within it, a function that appends a block to a folder beside `path`; after it, that corpus is at `path`.

    Files of the corpus that is at `path` now are kept if their names are in `keep`. A kill leaves the unfinished
    folder, whose corpus.json says so, and what was at `path` before; the next writer starts again. Whatever else stops
    it leaves nothing. UserError where something else is at `path`, the disk is full, or nobody may write there.
    """
    path = os.path.normpath(path)
    require_free(path)
    rows = 0

    def append(columns: dict[str, np.ndarray]) -> None:
        nonlocal rows
        with files.file_errors(path):
            for write in writers:
                write({name: columns[name] for name in about.columns})
        rows += len(columns["id"])

    try:
        with files.whole_folder(path) as folder:
            with contextlib.ExitStack() as opened:
                about._replace(complete=False).write(folder)
                writers = [opened.enter_context(form(folder, about).writing()) for form in formats]
                try:
                    yield append
                except BaseException as error:
                    raise _StoppedError from error
            if rows != about.count:
                raise RuntimeError(f"{rows} rows were written, but {about.count} were announced.")
            sums = files.folder_checksums(folder, manifest.FILE)
            about._replace(complete=True, files=sums).write(folder)
            for name in keep:
                if os.path.isfile(os.path.join(path, name)):
                    shutil.copyfile(os.path.join(path, name), os.path.join(folder, name))
    except _StoppedError as stopped:
        raise (stopped.__cause__ or stopped) from None


class Corpus:
    """What agents said and chose, in a folder of `tf-emcom messages`; `manifest` is what its corpus.json says."""

    def __init__(self, path: str) -> None:
        """Reads corpus.json; UserError where there is no corpus, or it is not finished."""
        self.path = os.path.normpath(path)
        unfinished = self.path + files.NEW_FOLDER
        folders = standing(self.path), unfinished
        self._folder = next((each for each in folders if os.path.isfile(os.path.join(each, manifest.FILE))), "")
        if not self._folder:
            raise UserError(
                f"There is no corpus in {self.path}: it lacks {manifest.FILE}; {self._remedy()}, or name a file of"
                " JSON lines that ends in .jsonl."
            )
        self.manifest = Manifest.read(self._folder)
        if not self.manifest.complete or self._folder == unfinished:
            raise UserError(
                f"The corpus in {self._folder} is not finished: its writing stopped, or still goes on; write it with"
                f" {self.manifest.command}"
            )

    def _remedy(self) -> str:
        of_run = os.path.join(self.path, "corpora")
        found = [name for name in files.names_in(of_run) if not name.endswith(files.NEW_FOLDER)]
        if found:
            return f"name one of those of this run, {', '.join(os.path.join(of_run, name) for name in found)}"
        return "write one with tf-emcom messages --workdir=RUN"

    def columns(self, names: Sequence[str] | None = None, written_as: str | None = None) -> dict[str, np.ndarray]:
        """Reads columns into memory, or maps them: name ↦ [N, ...], texts as objects of bytes or str.

        UserError where a column or a format is not there, or a file is damaged.

        Args:
          names: which; None: all that the format keeps.
          written_as: the name of the format; None: the one of those written that keeps most.
        """
        form, there = self._format(written_as), self.kept(written_as)
        for name in there if names is None else names:
            if name not in there:
                raise UserError(
                    f"The corpus in {self.path} has no column {name!r} in the format {type(form).__name__.lower()},"
                    f" only {', '.join(there)}; name one of these."
                )
        return form.read(there if names is None else list(names))

    def kept(self, written_as: str | None = None) -> list[str]:
        """The columns that a format keeps; None: as in `columns`."""
        return list(filter(self._format(written_as).keeps, self.manifest.columns))

    def _format(self, name: str | None) -> CorpusFormat:
        if name is not None and name not in self.manifest.formats:
            raise UserError(
                f"The corpus in {self.path} was not written as {name}, only as {', '.join(self.manifest.formats)};"
                " write it again with that --format."
            )
        known = plug_ins(CorpusFormat)
        wanted = self.manifest.formats if name is None else [name]
        found = [choose(each, known, "format of corpora")(self._folder, self.manifest) for each in wanted]
        return max(found, key=lambda each: sum(map(each.keeps, self.manifest.columns)))


def order_of_play(examples: int, seed: int) -> np.ndarray:
    """A permutation, int32 [examples]; cut into groups of C, it is the first pass of an evaluation with that seed."""
    return Order(examples, examples, seed, "whole").indices(0)
