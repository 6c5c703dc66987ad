"""Writes one column, and goes on where a killed process stopped."""

import contextlib
import json
import os
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from tf_emcom import files
from tf_emcom.data.packed.column import FORMAT, Block, Column, checksum
from tf_emcom.errors import UserError


class ColumnWriter:
    """Appends rows to a column's `part`; its journal has a line for each block that is safely on the disk.

    Attributes:
      blocks: those that are.
    """

    def __init__(self, column: Column, row: np.ndarray, lengths: Sequence[int]) -> None:
        """Starts afresh, or after the blocks that an earlier process finished; their checksums are compared.

        Args:
          column: which.
          row: an example; its type and its shape are those of all.
          lengths: how many there will be in each block.
        """
        self.column = column
        self.dtype, self.shape = row.dtype.name, (sum(lengths), *row.shape)
        self._lengths = lengths
        self._row_bytes = row.nbytes
        self._header = {"format": FORMAT, "source": column.source, "dtype": self.dtype, "shape": list(self.shape)}
        self.blocks = self._finished()
        self._checksum = self._rows = 0
        self._open: list[IO[Any]] = []

    @property
    def size(self) -> int:
        """Bytes of the whole column."""
        return self.shape[0] * self._row_bytes

    def start(self, blocks: int) -> None:
        """Goes on after so many of the finished blocks."""
        self.blocks = self.blocks[:blocks]
        done = sum(block.rows for block in self.blocks) * self._row_bytes
        if not done and os.path.lexists(self.column.part):
            # A pipe of that name would be waited for.
            os.remove(self.column.part)
        self._file = open(self.column.part, "r+b" if done else "xb")  # noqa: SIM115 - closed by close
        self._open.append(self._file)
        self._file.truncate(done)
        self._file.seek(done)
        lines = [json.dumps(entry) + "\n" for entry in (self._header, *self.blocks)]
        files.write_whole(self.column.journal, "".join(lines))
        self._journal = open(self.column.journal, "a")  # noqa: SIM115 - closed by close
        self._open.append(self._journal)

    def append(self, rows: np.ndarray) -> None:
        """Adds examples [n, ...] to the block."""
        data = memoryview(np.ascontiguousarray(rows).reshape(-1).view(np.uint8))
        self._file.write(data)
        self._checksum = files.checksum(data, self._checksum)
        self._rows += len(rows)

    def end_block(self) -> None:
        """What was added since the last block is one, and will survive a kill."""
        files.sync(self._file)
        self.blocks.append(Block(self._rows, self._checksum))
        self._note(self.blocks[-1])
        self._checksum = self._rows = 0

    def finish(self) -> None:
        """The column is complete."""
        self.column.replace(self.dtype, self.shape, self.blocks)

    def close(self) -> None:
        """Lets go of the files, of which no more is kept than the blocks that ended."""
        for file in self._open:
            # What is not on the disk yet is of no use, and a full disk is reported already.
            with contextlib.suppress(OSError):
                file.close()

    def _note(self, entry: Any) -> None:
        self._journal.write(json.dumps(entry) + "\n")
        files.sync(self._journal)

    def _finished(self) -> list[Block]:
        """The blocks of an earlier process that are as it wrote them."""
        if not os.path.isfile(self.column.journal) or not os.path.isfile(self.column.part):
            return []
        found: list[Block] = []
        with contextlib.suppress(UserError, ValueError, TypeError, RecursionError):
            header, *lines = files.read_text(self.column.journal, "").split("\n")
            # The last line may have been cut short.
            with open(self.column.part, "rb") as file:
                if json.loads(header) == self._header:
                    for line, length in zip(lines[:-1], self._lengths, strict=False):
                        block = Block(*json.loads(line))
                        if block.rows != length or checksum(file, length * self._row_bytes) != block.checksum:
                            break
                        found.append(block)
        return found
