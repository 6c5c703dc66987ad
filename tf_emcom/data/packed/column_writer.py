"""Writes one column, and goes on where a killed process stopped."""

import json
import os
import zlib
from typing import Any

import numpy as np

from tf_emcom.data.packed.column import Block, Column, checksum


class ColumnWriter:
    """Appends rows to a column's `part`; its journal has a line for each block that is safely on the disk.

    Attributes:
      blocks: those that are.
    """

    def __init__(self, column: Column, row: np.ndarray, count: int) -> None:
        """Starts afresh, or after the blocks that an earlier process finished; their checksums are compared.

        Args:
          column: which.
          row: an example; its type and its shape are those of all.
          count: how many there will be.
        """
        self.column = column
        self.dtype, self.shape = row.dtype.name, (count, *row.shape)
        self._row_bytes = row.nbytes
        self._header = {"source": column.source, "dtype": self.dtype, "shape": list(self.shape)}
        self.blocks = self._finished()
        self._checksum = self._rows = 0

    @property
    def size(self) -> int:
        """Bytes of the whole column."""
        return self.shape[0] * self._row_bytes

    def start(self, blocks: int) -> None:
        """Goes on after so many of the finished blocks."""
        self.blocks = self.blocks[:blocks]
        done = sum(block.rows for block in self.blocks) * self._row_bytes
        self._file = open(self.column.part, "r+b" if done else "wb")  # noqa: SIM115 - closed by close
        self._file.truncate(done)
        self._file.seek(done)
        self._journal = open(self.column.journal, "w")  # noqa: SIM115 - closed by close
        self._note(self._header)
        for block in self.blocks:
            self._note(block)

    def append(self, rows: np.ndarray) -> None:
        """Adds examples [n, ...] to the block."""
        data = memoryview(np.ascontiguousarray(rows).reshape(-1).view(np.uint8))
        self._file.write(data)
        self._checksum = zlib.crc32(data, self._checksum)
        self._rows += len(rows)

    def end_block(self) -> None:
        """What was added since the last block is one, and will survive a kill."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self.blocks.append(Block(self._rows, self._checksum))
        self._note(self.blocks[-1])
        self._checksum = self._rows = 0

    def finish(self) -> None:
        """The column is complete."""
        self.column.replace(self.dtype, self.shape, self.blocks)

    def close(self) -> None:
        """Lets go of the files."""
        self._file.close()
        self._journal.close()

    def _note(self, entry: Any) -> None:
        self._journal.write(json.dumps(entry) + "\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())

    def _finished(self) -> list[Block]:
        """The blocks of an earlier process that are as it wrote them."""
        if not os.path.exists(self.column.journal) or not os.path.exists(self.column.part):
            return []
        with open(self.column.journal) as journal:
            # The last line may have been cut short.
            lines = [line for line in journal if line.endswith("\n")]
        if not lines or json.loads(lines[0]) != self._header:
            return []
        found = []
        with open(self.column.part, "rb") as file:
            for block in (Block(*json.loads(line)) for line in lines[1:]):
                if checksum(file, block.rows * self._row_bytes) != block.checksum:
                    break
                found.append(block)
        return found
