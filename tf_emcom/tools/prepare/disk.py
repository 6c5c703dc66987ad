"""Folders that are made, locked, filled and removed."""

import contextlib
import os
import sys
from collections.abc import Iterator

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import NEW, file_errors, is_remote, try_lock


def make_folder(path: str) -> None:
    """Makes a folder and those above it; UserError where that is not possible, or nobody may write there."""
    with file_errors(f"The folder {path}", "cannot be made", "name another --data_dir"):
        tf.io.gfile.makedirs(path)


def remove_folder(path: str) -> None:
    """Removes a folder with all that is in it, where there is one; UserError where that is not possible."""
    with file_errors(f"The folder {path}", "cannot be removed", "get the rights to change it, or remove it yourself"):
        if tf.io.gfile.exists(path):
            tf.io.gfile.rmtree(path)


def remove_unfinished(folder: str) -> None:
    """Deletes what killed processes left of files that they were writing in a folder, where there is one."""
    with file_errors(folder):
        if tf.io.gfile.isdir(folder):
            for entry in tf.io.gfile.listdir(folder):
                if entry.endswith(NEW):
                    tf.io.gfile.remove(os.path.join(folder, entry))


@contextlib.contextmanager
def locked(path: str) -> Iterator[bool]:
    """Makes a folder where it is missing, and locks it for one process; no file is made for that.

    Yields:
      Whether it is locked: cloud storage and some network file systems have no locks, which a note says.

    Raises:
      UserError: another process has it, or it cannot be made.
    """
    make_folder(path)
    if is_remote(path):
        yield False
        return
    held = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        got = try_lock(held)
        if got is False:
            raise UserError(f"Another process is preparing {path}; wait until it ends, or choose another --name.")
        if got is None:
            print(f"Note: the file system of {path} has no locks; let no second process prepare it.", file=sys.stderr)
        yield got is True
    finally:
        os.close(held)


def require_room(path: str, needed: int) -> None:
    """Raises a UserError unless there are so many bytes free on the disk of a folder; remote ones have no end."""
    if is_remote(path):
        return
    about = os.statvfs(path)
    free = about.f_bavail * about.f_frsize
    if needed > free:
        raise UserError(
            f"What is still to write takes about {needed / 1e9:,.2f} GB in {path}, where {free / 1e9:,.2f} GB are free;"
            " make room, name another --data_dir, or keep smaller images with --keep_images."
        )
