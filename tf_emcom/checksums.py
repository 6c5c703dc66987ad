"""Checksums of the files in a folder, by which a reader sees whether it is what was written."""

import os
import zlib

import tensorflow as tf

from tf_emcom import files
from tf_emcom.errors import UserError

# Path below the folder ↦ CRC-32 of all other files, as a line of JSON with a checksum of its own.
FILE = "checksums.json"
_AT_ONCE = 1 << 20  # bytes


def of_file(path: str) -> str:
    """The CRC-32 of a file's content, eight hexadecimal digits; one of `files.FILE_ERRORS` where it cannot be read."""
    found = 0
    with tf.io.gfile.GFile(path, "rb") as file:
        while block := file.read(_AT_ONCE):
            found = zlib.crc32(block, found)
    return f"{found:08x}"


def of_folder(folder: str, without: str) -> dict[str, str]:
    """Path below the folder ↦ CRC-32, of every file but the one at the path `without`."""
    found = {}
    for where, _, names in tf.io.gfile.walk(folder):
        for path in (os.path.join(where, name) for name in names):
            if (name := os.path.relpath(path, folder)) != without:
                found[name] = of_file(path)
    return dict(sorted(found.items()))


def write(folder: str) -> None:
    """Writes `checksums.json` for all that is in a folder."""
    files.write_whole(os.path.join(folder, FILE), files.whole_json_lines([of_folder(folder, FILE)]))


def require_unchanged(folder: str, fix: str) -> None:
    """Compares the files that `write` saw; a folder of an older version has no checksums, and passes.

    Raises:
      UserError: one is missing, is no regular file, or is not as it was written; `fix` says what to do.
    """
    path = os.path.join(folder, FILE)
    if not tf.io.gfile.exists(path):
        return
    listed = files.read_json_lines(path, fix)
    if not listed:
        raise UserError(f"{path} is empty; {fix}.")
    for name, written in listed[0].items():
        path = os.path.join(folder, name)
        files.require_regular(path, fix)
        with files.file_errors(path, "cannot be read", fix):
            found = of_file(path)
        if found != written:
            raise UserError(f"{path} is damaged (its checksum is {found}, and {written} was written); {fix}.")
