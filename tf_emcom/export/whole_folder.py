"""Exports that are there as a whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator

import tensorflow as tf

from tf_emcom import files


@contextlib.contextmanager
def whole_folder(path: str, first: str, last: str) -> Iterator[str]:
    """Within it, an empty local folder to write to; behind it, that folder is at `path`, in place of what was there.

    On a disk, this is `files.whole_folder`. Cloud storage renames object by object, so there files are copied: what was
    there loses its file `last` before anything, and the new one arrives when all else is there.

    Args:
      path: where to, local or on cloud storage.
      first: the file by which what is there is known to be an export; it is there all the time.
      last: the file without which nobody can open it.

    Raises:
      UserError: it cannot be written.
    """
    if not files.is_remote(path):
        with files.whole_folder(path) as new:
            yield new
        return
    with files.file_errors(path), tempfile.TemporaryDirectory(prefix="tf_emcom-export-") as new:
        yield new
        _copy(new, path, first, last)


def _copy(new: str, path: str, first: str, last: str) -> None:
    names = [os.path.relpath(os.path.join(folder, name), new) for folder, _, found in os.walk(new) for name in found]
    entry = os.path.join(path, last)
    if tf.io.gfile.exists(entry):
        tf.io.gfile.remove(entry)
    for folder, _, found in tf.io.gfile.walk(path):
        for there in (os.path.join(folder, name) for name in found):
            if os.path.relpath(there, path) not in names:
                tf.io.gfile.remove(there)
    for name in sorted(names, key=lambda name: (name == last, name != first)):
        target = os.path.join(path, name)
        tf.io.gfile.makedirs(os.path.dirname(target))
        # Not all storage replaces what is copied over.
        tf.io.gfile.copy(os.path.join(new, name), f"{target}.new", overwrite=True)
        tf.io.gfile.rename(f"{target}.new", target, overwrite=True)
