"""Packs the columns that a split lacks: once, even where several processes ask for them."""

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf
import tqdm

from tf_emcom import files
from tf_emcom.data.packed.column import Column, ColumnWriter
from tf_emcom.errors import UserError

_LOCK = ".lock"
# Files that are half written, also by the names that earlier versions gave to descriptions.
_LEFT = re.compile(r"\.(part|journal|json\.\d+|new)$")
_REMEDY = (
    "free some room, bind ByolFolder.cache_dir to a folder on a larger disk, or ByolFolder.stored_as to a type of"
    ' half the size, "bfloat16" or "float16"'
)

Batches = Iterator[dict[str, np.ndarray]]
Read = Callable[[Sequence[str], int], Batches]


class Packing:
    """Writes columns from the batches of a split, shard by shard."""

    def __init__(self, what: str, folder: str, columns: dict[str, Column], lengths: Sequence[int]) -> None:
        """Says what to pack; nothing is written yet.

        Args:
          what: the split's name for messages.
          folder: the folder of the columns, which exists.
          columns: feature ↦ its column.
          lengths: how many examples each shard holds.
        """
        self._what, self._folder, self._columns, self._lengths = what, folder, columns, lengths
        self._count = sum(lengths)

    def run(self, read: Read) -> int:
        """Packs the columns that nobody has packed meanwhile.

        Args:
          read: (features, a shard) ↦ batches of these features, from this shard on.

        Returns:
          How many examples were read, perhaps a wrong number.

        Raises:
          UserError: the disk has no room, or the folder cannot be written to.
        """
        busy = f"Waiting for another process that packs {self._what}."
        with (
            files.file_errors(self._folder, "cannot hold the packed data set", _REMEDY),
            files.lock(os.path.join(self._folder, _LOCK), busy, wait=True),
        ):
            for path in _left(self._folder, self._columns.values()):
                os.remove(path)
            missing = {feature: column for feature, column in self._columns.items() if column.open() is None}
            return self._pack(missing, read) if missing else self._count

    def _pack(self, columns: dict[str, Column], read: Read) -> int:
        # The first batch has the types and shapes; features.json does not declare all of them.
        first = next(read(list(columns), 0), None)
        if first is None:
            return 0
        writers = {feature: ColumnWriter(c, first[feature][0], self._lengths) for feature, c in columns.items()}
        done = min(len(writer.blocks) for writer in writers.values())
        self._announce(writers, done)
        with contextlib.ExitStack() as stack:
            for writer in writers.values():
                stack.callback(writer.close)
                writer.start(done)
            try:
                rows = self._write(writers, read(list(columns), done) if done < len(self._lengths) else iter(()), done)
            except (UserError, tf.errors.OpError):
                # The files to read are damaged; once corrected, they are another source.
                with contextlib.suppress(OSError):
                    _remove(columns.values())
                raise
        if rows == self._count:
            for writer in writers.values():
                writer.finish()
        else:
            _remove(columns.values())
        return rows

    def _announce(self, writers: dict[str, ColumnWriter], done: int) -> None:
        """Prints how much will be written where; UserError where there is no room."""
        rows = sum(self._lengths[:done])
        size = sum(writer.size for writer in writers.values())
        rest = size - size * rows // self._count
        free = shutil.disk_usage(self._folder).free
        if rest > free:
            raise UserError(
                f"Packing {self._what} ({', '.join(writers)}) takes {_gigabytes(rest)} in {self._folder}, where"
                f" {_gigabytes(free)} are free: {_REMEDY}."
            )
        finished = f"; {done} of {len(self._lengths)} shards are done" if done else ""
        print(
            f"Packing {self._count:,} examples of {self._what} ({', '.join(writers)}), once: {_gigabytes(size)} in"
            f" {self._folder}{finished}.",
            flush=True,
        )

    def _write(self, writers: dict[str, ColumnWriter], batches: Batches, done: int) -> int:
        """Appends the batches, cut at the ends of shards; returns how many examples there are then."""
        ends = np.cumsum(self._lengths)
        rows, shard = int(ends[done - 1]) if done else 0, done
        with tqdm.tqdm(
            total=self._count, initial=rows, unit="example", unit_scale=True, disable=not sys.stderr.isatty()
        ) as bar:
            for batch in batches:
                size, taken = len(next(iter(batch.values()))), 0
                if rows + size > self._count:
                    return rows + size
                while taken < size:
                    while rows == ends[shard]:
                        shard = _next_block(writers, shard)
                    here = min(size - taken, int(ends[shard]) - rows)
                    for feature, writer in writers.items():
                        writer.append(batch[feature][taken : taken + here])
                    rows, taken = rows + here, taken + here
                bar.update(size)
            while rows == self._count and shard < len(ends):
                shard = _next_block(writers, shard)
        return rows


def _next_block(writers: dict[str, ColumnWriter], shard: int) -> int:
    for writer in writers.values():
        writer.end_block()
    return shard + 1


def _remove(columns: Iterable[Column]) -> None:
    for column in columns:
        column.remove()


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.2f} GB" if size >= 1e7 else f"{size:,} bytes"


def clear_left(folder: str) -> None:
    """Removes what killed packings left in a folder, unless somebody packs there now; nothing where it is not there."""
    with contextlib.suppress(OSError, UserError):
        if _left(folder, ()):
            with open(os.path.join(folder, _LOCK), "w") as file:
                if files.try_lock(file):
                    for path in _left(folder, ()):
                        os.remove(path)


def _left(folder: str, columns: Iterable[Column]) -> list[str]:
    """Paths of what killed packings left in a folder, but for what these columns go on with."""
    kept = {path for column in columns for path in (column.part, column.journal)}
    paths = [os.path.join(folder, name) for name in os.listdir(folder) if _LEFT.search(name)]
    return [path for path in paths if path not in kept]
