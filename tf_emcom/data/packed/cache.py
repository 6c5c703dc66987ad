"""Packs columns of a data set into files on the local disk, once, and maps them from then on."""

import concurrent.futures
import contextlib
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from tf_emcom import files
from tf_emcom.data.packed.column import PART, Column, ColumnWriter, read_description
from tf_emcom.data.tfds_folder import COPY_AGAIN
from tf_emcom.data.tfds_split import TfdsSplit
from tf_emcom.errors import UserError

_LOCK = ".lock"
# How the names of files end that are half written.
_LEFT = (PART, files.NEW)
_REMEDY = (
    "free some room, bind ByolFolder.cache_dir to a folder on a larger disk, or ByolFolder.stored_as to a type of"
    ' half the size, "bfloat16" or "float16"'
)


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

    `cache_dir` is as for `places`; `names` is feature ↦ the name of its files, another one for another type or size.
    """

    def __init__(self, split: TfdsSplit, cache_dir: str | None, names: dict[str, str]) -> None:
        self._split, self._what, self._names = split, f"{split.name}/{split.split}", names
        self._folders = [os.path.join(place, split.split) for place in places(split.folder, cache_dir)]
        self._source = stamp(split.folder, split.shards)

    def arrays(self, features: Sequence[str]) -> dict[str, np.ndarray]:
        """Feature ↦ [N, ...], read-only and mapped; features that are not packed yet, or damaged, are packed first.

        UserError where there is no room, the folder cannot be written to, or the files to pack are damaged.
        """
        arrays: dict[str, Any] = {feature: self._open(feature) for feature in features}
        missing = [feature for feature, array in arrays.items() if array is None]
        kept = {part for column in self._columns(missing) for part in column.parts}
        for folder in self._folders:
            _clear_left(folder, kept)
        if missing:
            self._require_no_fewer(missing)
            folder = writable(self._folders)
            columns = {feature: self._column(folder, feature) for feature in missing}
            self._pack(folder, columns)
            for feature, column in columns.items():
                arrays[feature] = column.open()
                if arrays[feature] is None:
                    raise UserError(f"{column.path} was packed, but is gone or changed; run the same command again.")
        return arrays

    def remove_damaged(self) -> list[str]:
        """Reads all that is packed and compares checksums; deletes damaged columns and returns their paths."""
        damaged = []
        for column in self._columns(self._names):
            with files.file_errors(column.path, "cannot be read or deleted", "look at its disk and its rights"):
                if column.is_damaged():
                    column.remove()
                    damaged.append(column.path)
        return damaged

    def _column(self, folder: str, feature: str) -> Column:
        return Column(folder, self._names[feature], self._source)

    def _columns(self, features: Iterable[str]) -> list[Column]:
        """The places where the columns of features may lie."""
        return [self._column(folder, feature) for folder in self._folders for feature in features]

    def _open(self, feature: str) -> np.memmap | None:
        arrays = (column.open() for column in self._columns([feature]))
        return next((array for array in arrays if array is not None), None)

    def _require_no_fewer(self, features: Sequence[str]) -> None:
        """UserError where shards lost examples since they were packed, and no `dataset_info.json` has their lengths."""
        split, now = self._split, self._split.lengths
        for column in [] if split.is_promised else self._columns(features):
            about = read_description(column.about) or {"blocks": []}
            before = [rows for rows, _ in about["blocks"]]
            if sum(before) <= split.count or about["source"]["features"] != self._source["features"]:
                continue
            fewer = [i for i, (was, there) in enumerate(zip(before, now, strict=False)) if there < was]
            shard = f"{split.shards[fewer[0]]} has {now[fewer[0]]:,} of {before[fewer[0]]:,}; " if fewer else ""
            raise UserError(
                f"Split {split.split!r} in {split.folder} holds {split.count:,} examples, and held {sum(before):,} when"
                f" {column.path} was packed from it; {shard}copy it again, or, where that is right, delete"
                f" {os.path.dirname(column.path)}."
            )

    def _pack(self, folder: str, columns: dict[str, Column]) -> None:
        """Packs columns into a folder, but for those that another process packed meanwhile."""
        busy = f"Waiting for another process that packs {self._what}."
        with (
            files.file_errors(folder, "cannot hold the packed data set", _REMEDY),
            files.lock(os.path.join(folder, _LOCK), busy, wait=True),
        ):
            missing = {feature: column for feature, column in columns.items() if column.open() is None}
            if missing:
                self._write(folder, missing)

    def _write(self, folder: str, columns: dict[str, Column]) -> None:
        # The first batch has the types and shapes; features.json does not declare all of them.
        first = next(self._split.batches(list(columns)), {})
        if not first:
            self._split.check(0)
        writers = {name: ColumnWriter(column, first[name][0], self._split.count) for name, column in columns.items()}
        done = min(len(writer.blocks) for writer in writers.values())
        rows = sum(length for length, _ in next(iter(writers.values())).blocks[:done])
        self._announce(folder, writers, done, rows)
        with contextlib.ExitStack() as stack:
            for writer in writers.values():
                stack.callback(writer.close)
                writer.start(done)
            bar = tqdm.tqdm(total=self._split.count, initial=rows, unit="example", unit_scale=True, disable=None)
            stack.enter_context(bar)
            for batch in self._read(columns, done, rows):
                if batch is None:
                    for writer in writers.values():
                        writer.end_shard()
                    continue
                for feature, writer in writers.items():
                    writer.append(batch[feature])
                bar.update(len(batch[feature]))
            for writer in writers.values():
                writer.finish()

    def _read(self, columns: dict[str, Column], first_shard: int, rows: int) -> Iterator[dict[str, np.ndarray] | None]:
        """Batches of the shards from `first_shard` on, and None at the end of each.

        Where the files to read are damaged, what is packed of them is removed; corrected, they are another source.
        """
        try:
            for shard in range(first_shard, len(self._split.shards)):
                for batch in self._split.batches(list(columns), shard, rows):
                    rows += len(next(iter(batch.values())))
                    if rows > self._split.count:
                        self._split.check(rows)
                    yield batch
                yield None
            self._split.check(rows)
        except UserError:
            with contextlib.suppress(OSError):
                for column in columns.values():
                    column.remove()
            raise

    def _announce(self, folder: str, writers: dict[str, ColumnWriter], done: int, rows: int) -> None:
        """Prints how much will be written where; UserError where there is no room."""
        count = self._split.count
        size = sum(writer.size for writer in writers.values())
        rest = size - size * rows // count
        free = shutil.disk_usage(folder).free
        what = f"{self._what} ({', '.join(writers)})"
        if rest > free:
            raise UserError(
                f"Packing {what} takes {_gigabytes(rest)} in {folder}, where {_gigabytes(free)} are free: {_REMEDY}."
            )
        finished = f"; {done} of {len(self._split.shards)} shards are done" if done else ""
        print(f"Packing {count:,} examples of {what}, once: {_gigabytes(size)} in {folder}{finished}.", flush=True)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.2f} GB" if size >= 1e7 else f"{size:,} bytes"


def _clear_left(folder: str, kept: Collection[str]) -> None:
    """Removes what killed packings left in a folder, but for the paths `kept`, unless somebody packs there now."""
    with contextlib.suppress(OSError):
        paths = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(_LEFT)]
        if left := [path for path in paths if path not in kept]:
            with open(os.path.join(folder, _LOCK), "w") as file:
                if files.try_lock(file):
                    for path in left:
                        os.remove(path)
