"""Folders that are made, filled and removed."""

import contextlib
import os

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.preparation.reason import first_line


def make_folder(path: str) -> None:
    """Makes a folder and those above it; UserError where that is not possible, or nobody may write there."""
    try:
        tf.io.gfile.makedirs(path)
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"The folder {path} cannot be made ({first_line(error)}); name another --data_dir.") from error


def remove_folder(path: str) -> None:
    """Removes a folder with all that is in it, where it is there and that is possible."""
    with contextlib.suppress(OSError, tf.errors.OpError):
        if tf.io.gfile.exists(path):
            tf.io.gfile.rmtree(path)


def require_room(path: str, needed: int) -> None:
    """Raises a UserError unless there are so many bytes free on the disk of a folder; remote ones have no end."""
    if "://" in path:
        return
    about = os.statvfs(path)
    free = about.f_bavail * about.f_frsize
    if needed > free:
        raise UserError(
            f"What is still to write takes about {needed / 1e9:,.2f} GB in {path}, where {free / 1e9:,.2f} GB are free;"
            " make room, name another --data_dir, or keep smaller images with --keep_images."
        )
