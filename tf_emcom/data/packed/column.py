"""A column of a packed data set: mapped into memory, and written so that a killed process loses one shard at most."""

import contextlib
import json
import os
from typing import IO, Any

import numpy as np
import tensorflow as tf

from tf_emcom import files
from tf_emcom.errors import UserError

_FORMAT = 2
_READ_BYTES = 1 << 24
# How the names of both files end while the column is packed.
PART = ".part"


class Column:
    """`NAME.bin`, the bare numbers of an array [N, ...], beside `NAME.json`, which describes them.

    The description holds the type, the shape, [rows, CRC-32] of each shard, a stamp of the source, and when the file
    was last written to. Neither file ever changes: they are replaced as a whole.
    """

    def __init__(self, folder: str, name: str, source: dict[str, Any]) -> None:
        """`source` is a stamp of what was packed, which JSON can hold; a column of another stamp is packed again."""
        self.path, self.about = os.path.join(folder, f"{name}.bin"), os.path.join(folder, f"{name}.json")
        self.parts = self.path + PART, self.about + PART
        self.source = source

    def open(self) -> np.memmap | None:
        """The array, read-only and mapped, so that only used rows are read; None where it has to be packed.

        Where the file was written to since it was packed, all its checksums are compared first; damage is printed.
        """
        about = read_description(self.about)
        if about is None:
            return self._pack_again("has a damaged description") if os.path.lexists(self.about) else None
        if about["source"] != self.source:
            return self._pack_again("was packed from other files than are there now")
        dtype = np.dtype(tf.as_dtype(about["dtype"]).as_numpy_dtype)
        try:
            # Zero bytes cannot be mapped, and are never packed.
            size = int(np.prod(about["shape"], dtype=np.int64)) * dtype.itemsize
            if not os.path.isfile(self.path) or os.path.getsize(self.path) != size:
                return self._pack_again("is missing or has another length than was packed")
            if os.stat(self.path).st_mtime_ns != about["modified"]:
                if self.is_damaged():
                    return self._pack_again("has other checksums than when it was packed")
                # In a folder that only others write to, the file is read through again the next time.
                with contextlib.suppress(OSError, UserError):
                    write_description(self.about, about, self.path)
            return np.memmap(self.path, dtype, "r", shape=tuple(about["shape"]))
        except OSError as error:
            return self._pack_again(f"cannot be read ({files.reason(error)})")

    def is_damaged(self) -> bool:
        """Reads the whole file, and compares the checksums in its description, where there is one."""
        about = read_description(self.about)
        return about is not None and len(whole_blocks(self.path, about)) < len(about["blocks"])

    def remove(self) -> None:
        """Deletes all files of it that are there."""
        for path in (self.about, *self.parts, self.path):
            if os.path.lexists(path):
                os.remove(path)

    def _pack_again(self, why: str) -> np.memmap | None:
        print(f"{self.path} {why}: it is packed again.", flush=True)
        return None


class ColumnWriter:
    """Appends rows to the parts of a column; what the description there lists is safely on the disk.

    Attributes:
      blocks: [rows, CRC-32] of each shard that is; first of those that an earlier process finished.
      size: bytes of the whole column.
    """

    def __init__(self, column: Column, row: np.ndarray, count: int) -> None:
        """`row` is an example with the type and the shape of all N = `count`."""
        self._column, self.size = column, count * row.nbytes
        shape = [count, *row.shape]
        self._about = {"format": _FORMAT, "source": column.source, "dtype": row.dtype.name, "shape": shape}
        self.blocks, self._row_bytes = [], row.nbytes
        data, about = column.parts
        before = read_description(about)
        if before is not None and before.items() >= self._about.items() and os.path.isfile(data):
            self.blocks = whole_blocks(data, before)
        self._rows = self._checksum = 0

    def start(self, shards: int) -> None:
        """Opens the file, to go on after so many of the finished shards."""
        self.blocks = self.blocks[:shards]
        path = self._column.parts[0]
        if not self.blocks and os.path.lexists(path):
            # Opening a pipe of that name would wait for ever.
            os.remove(path)
        self._file = open(path, "r+b" if self.blocks else "xb")  # noqa: SIM115 - closed by close
        self._file.truncate(sum(rows for rows, _ in self.blocks) * self._row_bytes)
        self._file.seek(0, os.SEEK_END)

    def append(self, rows: np.ndarray) -> None:
        """Adds examples [n, ...] to the shard."""
        data = np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data
        self._file.write(data)
        self._checksum = files.checksum(data, self._checksum)
        self._rows += len(rows)

    def end_shard(self) -> None:
        """From now on, what was added survives a kill."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self.blocks.append([self._rows, self._checksum])
        write_description(self._column.parts[1], {**self._about, "blocks": self.blocks}, self._column.parts[0])
        self._rows = self._checksum = 0

    def finish(self) -> None:
        """Makes the column of the parts."""
        with contextlib.suppress(FileNotFoundError):
            os.remove(self._column.about)
        for part in self._column.parts:
            os.replace(part, part.removesuffix(PART))

    def close(self) -> None:
        # What is not on the disk yet is of no use, and a full disk is reported already.
        with contextlib.suppress(OSError, AttributeError):
            self._file.close()


def read_description(path: str) -> dict[str, Any] | None:
    """The content of a description; None where there is none that is whole."""
    with contextlib.suppress(UserError, KeyError):
        about = files.read_json(path, "it is written again")
        if about.pop("checksum") == files.json_checksum(about) and about["format"] == _FORMAT:
            return about
    return None


def write_description(path: str, about: dict[str, Any], data: str) -> None:
    """Writes the description of the file `data`; UserError where that is not possible."""
    about = {**about, "modified": os.stat(data).st_mtime_ns}
    files.write_whole(path, json.dumps({**about, "checksum": files.json_checksum(about)}))


def whole_blocks(path: str, about: dict[str, Any]) -> list[list[int]]:
    """Reads a file; its [rows, CRC-32] of a description, up to the first that is not what was packed."""
    row_bytes = int(np.prod(about["shape"][1:], dtype=np.int64)) * tf.as_dtype(about["dtype"]).size
    whole = []
    with open(path, "rb") as file:
        for rows, checksum in about["blocks"]:
            if _checksum(file, rows * row_bytes) != checksum:
                break
            whole.append([rows, checksum])
    return whole


def _checksum(file: IO[bytes], size: int) -> int:
    """CRC-32 of the next `size` bytes of a file; of fewer where it ends."""
    value = 0
    for start in range(0, size, _READ_BYTES):
        value = files.checksum(file.read(min(_READ_BYTES, size - start)), value)
    return value
