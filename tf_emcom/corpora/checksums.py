"""Checksums of the files of a corpus."""

import os
import zlib

from tf_emcom.corpora import manifest

_AT_ONCE = 1 << 20  # bytes


def of_file(path: str) -> str:
    """The CRC-32 of a file's content, eight hexadecimal digits; OSError where it cannot be read."""
    found = 0
    with open(path, "rb") as file:
        while block := file.read(_AT_ONCE):
            found = zlib.crc32(block, found)
    return f"{found:08x}"


def of_folder(folder: str) -> dict[str, str]:
    """Path below the folder ↦ CRC-32, of every file but the description."""
    found = {}
    for where, _, names in os.walk(folder):
        for path in (os.path.join(where, name) for name in names):
            if (name := os.path.relpath(path, folder)) != manifest.FILE:
                found[name] = of_file(path)
    return dict(sorted(found.items()))
