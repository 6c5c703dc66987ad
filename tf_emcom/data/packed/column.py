"""One feature of every example of a split, in a file of its own."""

import json
import os
import zlib
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

_FORMAT = 1
_READ_BYTES = 1 << 24


class Block(NamedTuple):
    """Successive examples that were packed together, those of one shard."""

    rows: int
    checksum: int  # CRC-32 of their bytes


class Column:
    """`NAME.bin`, the bare numbers of an array [N, ...], beside `NAME.json`, which says what they are.

    The description holds the type, the shape, a checksum of each block, a stamp of the source, and when the file was
    last written to. Neither file ever changes: they are replaced as a whole.
    """

    def __init__(self, folder: str, name: str, source: dict[str, Any]) -> None:
        """`source` is a stamp of what was packed, of which JSON can be made; another one makes the column worthless."""
        self.path = os.path.join(folder, f"{name}.bin")
        self.part = f"{self.path}.part"
        self.journal = os.path.join(folder, f"{name}.journal")
        self.source = source
        self._about = os.path.join(folder, f"{name}.json")

    def open(self) -> np.memmap | None:
        """The array, read-only and mapped, so that only what is looked at is read; None where it is to be packed.

        Where somebody has written to the file since it was packed, all its checksums are compared first; what is found
        damaged is said.
        """
        about = self._description()
        if about is None:
            return None
        if about["source"] != self.source:
            print(f"{self.path} was packed from other files than are there now: it is packed again.", flush=True)
            return None
        # Zero bytes cannot be mapped, and are never packed.
        if not os.path.exists(self.path) or os.path.getsize(self.path) != _size(about):
            return self._damaged("is missing or has another length than was packed")
        if os.stat(self.path).st_mtime_ns != about["modified"]:
            if self.damaged_blocks():
                return self._damaged("has other checksums than when it was packed")
            self._try_to_describe(about)
        return np.memmap(self.path, tf.as_dtype(about["dtype"]).as_numpy_dtype, "r", shape=tuple(about["shape"]))

    def damaged_blocks(self) -> list[int]:
        """Reads the whole file and compares checksums: which blocks are not what was packed."""
        about = self._description()
        if about is None:
            return []
        size = _row_bytes(about)
        with open(self.path, "rb") as file:
            blocks = [Block(*block) for block in about["blocks"]]
            return [i for i, block in enumerate(blocks) if checksum(file, block.rows * size) != block.checksum]

    def replace(self, dtype: str, shape: tuple[int, ...], blocks: list[Block]) -> None:
        """What was packed to `part` becomes the column."""
        if os.path.exists(self._about):
            os.remove(self._about)
        os.replace(self.part, self.path)
        self._describe({"source": self.source, "dtype": dtype, "shape": shape, "blocks": blocks})
        os.remove(self.journal)

    def remove(self) -> None:
        """Deletes all files of it that are there."""
        for path in (self._about, self.journal, self.part, self.path):
            if os.path.exists(path):
                os.remove(path)

    def _description(self) -> dict[str, Any] | None:
        if not os.path.exists(self._about):
            return None
        try:
            with open(self._about) as file:
                about = json.load(file)
            if about.pop("checksum") == _checksum_of(about):
                return about if about["format"] == _FORMAT else None
        except (ValueError, KeyError, AttributeError):
            pass
        return self._damaged("has a damaged description")

    def _describe(self, about: dict[str, Any]) -> None:
        about = {**about, "format": _FORMAT, "modified": os.stat(self.path).st_mtime_ns}
        # As it will be read: JSON knows no tuples.
        about = json.loads(json.dumps(about))
        temporary = f"{self._about}.{os.getpid()}"
        with open(temporary, "w") as file:
            json.dump({**about, "checksum": _checksum_of(about)}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._about)

    def _try_to_describe(self, about: dict[str, Any]) -> None:
        try:
            self._describe(about)
        except OSError:
            pass  # A folder that only others write to: checksums are compared again the next time.

    def _damaged(self, how: str) -> None:
        print(f"{self.path} {how}: it is packed again.", flush=True)


def checksum(file: Any, size: int) -> int:
    """CRC-32 of the next `size` bytes of a file; of fewer where it ends."""
    value = 0
    for start in range(0, size, _READ_BYTES):
        value = zlib.crc32(file.read(min(_READ_BYTES, size - start)), value)
    return value


def _row_bytes(about: dict[str, Any]) -> int:
    return int(np.prod(about["shape"][1:], dtype=np.int64)) * tf.as_dtype(about["dtype"]).size


def _size(about: dict[str, Any]) -> int:
    return about["shape"][0] * _row_bytes(about)


def _checksum_of(about: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(about, sort_keys=True).encode())
