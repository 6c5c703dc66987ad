"""A column of a packed data set: mapped into memory, and written so that a killed process loses one block at most."""

import contextlib
import json
import os
from collections.abc import Sequence
from typing import IO, Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom import files
from tf_emcom.data.source import require_finite
from tf_emcom.errors import UserError

# Since 2, whole numbers have all of their digits, and numbers are finite.
FORMAT = 2
_FIRST_FORMAT = 1
_READ_BYTES = 1 << 24


class Block(NamedTuple):
    """Successive examples that were packed together, those of one shard."""

    rows: int
    checksum: int  # CRC-32 of their bytes


class Column:
    """`NAME.bin`, the bare numbers of an array [N, ...], beside `NAME.json`, which describes them.

    The description holds the type, the shape, a checksum of each block, a stamp of the source, when the file was last
    written to, and that its numbers were found finite. Neither file ever changes: they are replaced as a whole.
    """

    def __init__(self, folder: str, name: str, source: dict[str, Any]) -> None:
        """`source` is a stamp of what was packed, which JSON can hold; a column of another stamp is packed again."""
        self.path = os.path.join(folder, f"{name}.bin")
        self.part = f"{self.path}.part"
        self.journal = os.path.join(folder, f"{name}.journal")
        self.source = source
        self._about = os.path.join(folder, f"{name}.json")

    def open(self) -> np.memmap | None:
        """The array, read-only and mapped, so that only used rows are read; None where it has to be packed.

        Where the file was written to since it was packed, all its checksums are compared first; damage is printed.
        """
        about = self._description()
        if about is None:
            return self._pack_again("has a damaged description") if os.path.lexists(self._about) else None
        dtype = np.dtype(tf.as_dtype(about["dtype"]).as_numpy_dtype)
        if about["format"] != FORMAT and dtype.kind == "i":
            return self._pack_again("was packed when whole numbers kept 32 bits only")
        if about["source"] != self.source:
            return self._pack_again("was packed from other files than are there now")
        try:
            # Zero bytes cannot be mapped, and are never packed.
            size = about["shape"][0] * _row_bytes(about)
            if not os.path.isfile(self.path) or os.path.getsize(self.path) != size:
                return self._pack_again("is missing or has another length than was packed")
            if os.stat(self.path).st_mtime_ns != about["modified"]:
                if self.damaged_blocks():
                    return self._pack_again("has other checksums than when it was packed")
                self._try_to_describe(about)
            return np.memmap(self.path, dtype, "r", shape=tuple(about["shape"]))
        except OSError as error:
            return self._pack_again(f"cannot be read ({files.reason(error)})")

    def require_finite(self, array: np.memmap, name: str, where: str) -> None:
        """Looks for NaN and infinity in what `open` gave, once; UserError where there are any."""
        about = self._description()
        if about and "finite" not in about and tf.as_dtype(about["dtype"]).is_floating:
            print(f"Looking for NaN and infinity in {self.path}, once.", flush=True)
            require_finite(array, name, where)
            self._try_to_describe({**about, "finite": True})

    def packed_before(self) -> tuple[dict[str, Any], list[int]]:
        """The stamp of what it was packed from, and how many examples each block has; empty where it is not packed."""
        about = self._description() or {"source": {}, "blocks": []}
        return about["source"], [block.rows for block in about["blocks"]]

    def damaged_blocks(self) -> list[int]:
        """Reads the whole file and compares checksums: which blocks are not what was packed."""
        about = self._description()
        if about is None:
            return []
        size = _row_bytes(about)
        with open(self.path, "rb") as file:
            blocks = enumerate(about["blocks"])
            return [i for i, block in blocks if _checksum(file, block.rows * size) != block.checksum]

    def replace(self, dtype: str, shape: tuple[int, ...], blocks: list[Block]) -> None:
        """Makes what was packed to `part` the column."""
        if os.path.exists(self._about):
            os.remove(self._about)
        os.replace(self.part, self.path)
        about = {"format": FORMAT, "source": self.source, "dtype": dtype, "shape": shape, "blocks": blocks}
        self._describe({**about, "finite": True})
        os.remove(self.journal)

    def remove(self) -> None:
        """Deletes all files of it that are there."""
        for path in (self._about, self.journal, self.part, self.path):
            if os.path.lexists(path):
                os.remove(path)

    def _description(self) -> dict[str, Any] | None:
        """The content of its description; None where there is none that is whole."""
        with contextlib.suppress(UserError, KeyError):
            about = files.read_json(self._about, "it is written again")
            if about.pop("checksum") == files.json_checksum(about) and about["format"] in (_FIRST_FORMAT, FORMAT):
                return {**about, "blocks": [Block(*block) for block in about["blocks"]]}
        return None

    def _describe(self, about: dict[str, Any]) -> None:
        about = {**about, "modified": os.stat(self.path).st_mtime_ns}
        files.write_whole(self._about, json.dumps({**about, "checksum": files.json_checksum(about)}))

    def _try_to_describe(self, about: dict[str, Any]) -> None:
        # In a folder that only others write to, the file is read through again the next time.
        with contextlib.suppress(OSError, UserError):
            self._describe(about)

    def _pack_again(self, why: str) -> None:
        print(f"{self.path} {why}: it is packed again.", flush=True)


class ColumnWriter:
    """Appends rows to a column's `part`; its journal has a line for each block that is safely on the disk.

    Attributes:
      blocks: those that are, first of all the ones that an earlier process finished; their checksums are compared.
      size: bytes of the whole column.
    """

    def __init__(self, column: Column, row: np.ndarray, lengths: Sequence[int]) -> None:
        """`row` is an example with the type and the shape of all; `lengths` counts those of each block."""
        self._column, self._lengths, self._row_bytes = column, lengths, row.nbytes
        self._dtype, self._shape = row.dtype.name, (sum(lengths), *row.shape)
        self._header = {"format": FORMAT, "source": column.source, "dtype": self._dtype, "shape": list(self._shape)}
        self.size = sum(lengths) * row.nbytes
        self.blocks = self._finished()
        self._checksum = self._rows = 0
        self._open: list[IO[Any]] = []

    def start(self, blocks: int) -> None:
        """Opens the files, to go on after so many of the finished blocks."""
        self.blocks = self.blocks[:blocks]
        done = sum(block.rows for block in self.blocks) * self._row_bytes
        if not done and os.path.lexists(self._column.part):
            # Opening a pipe of that name would wait for ever.
            os.remove(self._column.part)
        self._file = open(self._column.part, "r+b" if done else "xb")  # noqa: SIM115 - closed by close
        self._open.append(self._file)
        self._file.truncate(done)
        self._file.seek(done)
        lines = [json.dumps(entry) + "\n" for entry in (self._header, *self.blocks)]
        files.write_whole(self._column.journal, "".join(lines))
        self._journal = open(self._column.journal, "a")  # noqa: SIM115 - closed by close
        self._open.append(self._journal)

    def append(self, rows: np.ndarray) -> None:
        """Adds examples [n, ...] to the block."""
        data = memoryview(np.ascontiguousarray(rows).reshape(-1).view(np.uint8))
        self._file.write(data)
        self._checksum = files.checksum(data, self._checksum)
        self._rows += len(rows)

    def end_block(self) -> None:
        """Ends a block of what was added since the last one; from now on it survives a kill."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self.blocks.append(Block(self._rows, self._checksum))
        self._journal.write(json.dumps(self.blocks[-1]) + "\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())
        self._checksum = self._rows = 0

    def finish(self) -> None:
        """Makes the column of all blocks."""
        self._column.replace(self._dtype, self._shape, self.blocks)

    def close(self) -> None:
        """Closes the files; only the blocks that ended are kept."""
        for file in self._open:
            # What is not on the disk yet is of no use, and a full disk is reported already.
            with contextlib.suppress(OSError):
                file.close()

    def _finished(self) -> list[Block]:
        """The blocks of an earlier process that are as it wrote them."""
        if not os.path.isfile(self._column.journal) or not os.path.isfile(self._column.part):
            return []
        found: list[Block] = []
        with contextlib.suppress(UserError, ValueError, TypeError, RecursionError):
            header, *lines = files.read_text(self._column.journal, "").split("\n")
            with open(self._column.part, "rb") as file:
                if json.loads(header) == self._header:
                    # The last line may have been cut short.
                    for line, length in zip(lines[:-1], self._lengths, strict=False):
                        block = Block(*json.loads(line))
                        if block.rows != length or _checksum(file, length * self._row_bytes) != block.checksum:
                            break
                        found.append(block)
        return found


def _checksum(file: IO[bytes], size: int) -> int:
    """CRC-32 of the next `size` bytes of a file; of fewer where it ends."""
    value = 0
    for start in range(0, size, _READ_BYTES):
        value = files.checksum(file.read(min(_READ_BYTES, size - start)), value)
    return value


def _row_bytes(about: dict[str, Any]) -> int:
    return int(np.prod(about["shape"][1:], dtype=np.int64)) * tf.as_dtype(about["dtype"]).size
