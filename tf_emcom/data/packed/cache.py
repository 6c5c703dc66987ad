"""Packs columns of a data set into files on the local disk, once, and maps them from then on."""

import concurrent.futures
import contextlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from tf_emcom import files
from tf_emcom.data.packed.column import Column, ColumnWriter
from tf_emcom.data.tfds_folder import COPY_AGAIN
from tf_emcom.data.tfds_split import TfdsSplit
from tf_emcom.errors import UserError

_LOCK = ".lock"
# Files that are half written, also by the names that earlier versions gave to descriptions.
_LEFT = re.compile(r"\.(part|journal|json\.\d+|new)$")
_REMEDY = (
    "free some room, bind ByolFolder.cache_dir to a folder on a larger disk, or ByolFolder.stored_as to a type of"
    ' half the size, "bfloat16" or "float16"'
)

Batches = Iterator[dict[str, np.ndarray]]
# (features, a shard) ↦ batches of these features, from this shard on.
Read = Callable[[Sequence[str], int], Batches]


def places(folder: str, cache_dir: str | None) -> list[str]:
    """Folders that may hold the cache of `folder`, a version of a prepared data set; the first choice comes first.

    Below `cache_dir` where that is given; else beside the data, or, where these are remote or nobody may write there,
    in the user's own cache.
    """
    name, version = os.path.normpath(folder).split(os.sep)[-2:]
    # Data of one name may lie in several folders.
    own = os.path.join(name, f"{version}-{files.checksum(os.path.abspath(folder)):08x}")
    if cache_dir is not None:
        return [os.path.join(os.path.expanduser(cache_dir), own)]
    beside = [] if files.is_remote(folder) else [os.path.join(folder, ".packed")]
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return [*beside, os.path.join(home, "tf_emcom", own)]


def writable(folders: Sequence[str]) -> str:
    """The first of the folders that files can be written to, created if needed; UserError where there is none."""
    for folder in folders:
        with contextlib.suppress(OSError):
            os.makedirs(folder, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    raise UserError(
        f"The data set has to be packed, but nobody may write to {' or '.join(folders)}: bind ByolFolder.cache_dir to a"
        " folder on a local disk."
    )


def stamp(folder: str, shards: Sequence[str]) -> dict[str, Any]:
    """The state of the files that are packed: size and time of the last change of each, checksum of features.json."""
    features = files.checksum(files.read_bytes(os.path.join(folder, "features.json"), COPY_AGAIN))
    # One request after the other would take long on cloud storage.
    with files.file_errors(folder, "cannot be read", COPY_AGAIN), concurrent.futures.ThreadPoolExecutor(16) as pool:
        stats = zip(shards, pool.map(tf.io.gfile.stat, shards), strict=True)
        found = [[os.path.basename(shard), stat.length, stat.mtime_nsec] for shard, stat in stats]
    return {"features": features, "files": found}


class Cache:
    """Packs features of a split, each once, and maps them from then on.

    `what` names the split, as data set/split; the second part is a folder in the cache. `cache_dir` is as for `places`;
    `names` is feature ↦ the name of its files, another one for another type or size.
    """

    def __init__(self, split: TfdsSplit, what: str, cache_dir: str | None, names: dict[str, str]) -> None:
        self._split, self._what, self._names = split, what, names
        self._folders = [os.path.join(place, os.path.basename(what)) for place in places(split.folder, cache_dir)]
        self._source = stamp(split.folder, split.shards)

    def arrays(self, features: Sequence[str]) -> dict[str, np.ndarray]:
        """Feature ↦ [N, ...], read-only and mapped; features that are not packed yet, or damaged, are packed first.

        Raises:
          UserError: there is no room, the folder cannot be written to, or the files to pack are damaged.
        """
        arrays = {feature: self._open(feature) for feature in features}
        missing = [feature for feature, array in arrays.items() if array is None]
        if missing:
            self._require_no_fewer(missing)
            folder = writable(self._folders)
            columns = {feature: self._column(folder, feature) for feature in missing}
            rows = Packing(self._what, folder, columns, self._split.by_shard()).run(self._split.batches)
            self._split.check(rows)
            for feature, column in columns.items():
                arrays[feature] = column.open()
                if arrays[feature] is None:
                    raise UserError(f"{column.path} was packed, but is gone or changed; run the same command again.")
        for folder in self._folders:
            _clear_left(folder)
        return arrays

    def remove_damaged(self) -> list[str]:
        """Reads all that is packed and compares checksums; deletes damaged columns and returns their paths."""
        damaged = []
        for column in self._columns(self._names):
            with files.file_errors(column.path, "cannot be read or deleted", "look at its disk and its rights"):
                if column.damaged_blocks():
                    column.remove()
                    damaged.append(column.path)
        return damaged

    def _open(self, feature: str) -> np.memmap | None:
        for column in self._columns([feature]):
            array = column.open()
            if array is not None:
                column.require_finite(array, feature, f"Split {self._split.split!r} in {self._split.folder}")
                return array
        return None

    def _require_no_fewer(self, features: Sequence[str]) -> None:
        """UserError where shards lost examples since they were packed, and no `dataset_info.json` has their lengths."""
        if self._split.is_promised:
            return
        for column in self._columns(features):
            source, before = column.packed_before()
            if source.get("features") != self._source["features"] or sum(before) <= self._split.count:
                continue
            now = self._split.lengths
            fewer = [i for i, (was, there) in enumerate(zip(before, now, strict=False)) if there < was]
            shard = f"{self._split.shards[fewer[0]]} has {now[fewer[0]]:,} of {before[fewer[0]]:,}; " if fewer else ""
            raise UserError(
                f"Split {self._split.split!r} in {self._split.folder} holds {self._split.count:,} examples, and held"
                f" {sum(before):,} when {column.path} was packed from it; {shard}copy it again, or, where that is"
                f" right, delete {os.path.dirname(column.path)}."
            )

    def _columns(self, features: Iterable[str]) -> list[Column]:
        """The places where the columns of features may lie."""
        return [self._column(folder, feature) for folder in self._folders for feature in features]

    def _column(self, folder: str, feature: str) -> Column:
        return Column(folder, self._names[feature], self._source)


class Packing:
    """Writes columns from the batches of a split, shard by shard.

    `what` is the split's name for messages, `folder` that of the columns, which exists; `columns` is feature ↦ column;
    `lengths` are how many examples each shard holds.
    """

    def __init__(self, what: str, folder: str, columns: dict[str, Column], lengths: Sequence[int]) -> None:
        self._what, self._folder, self._columns, self._lengths = what, folder, columns, lengths
        self._count = sum(lengths)

    def run(self, read: Read) -> int:
        """Packs the columns that nobody has packed meanwhile; returns how many examples were read, even if too few.

        UserError where the disk has no room, or the folder cannot be written to.
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
                    for column in columns.values():
                        column.remove()
                raise
        for feature, writer in writers.items():
            if rows == self._count:
                writer.finish()
            else:
                columns[feature].remove()
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


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.2f} GB" if size >= 1e7 else f"{size:,} bytes"


def _clear_left(folder: str) -> None:
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
