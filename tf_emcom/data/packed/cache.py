"""Packed columns of a data set on the local disk."""

import concurrent.futures
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom import files
from tf_emcom.data.packed.column import Column
from tf_emcom.data.packed.packing import Packing, clear_left
from tf_emcom.data.source import require_finite
from tf_emcom.data.tfds_folder import COPY_AGAIN
from tf_emcom.data.tfds_split import TfdsSplit
from tf_emcom.errors import UserError
from tf_emcom.files import file_errors

_HIDDEN = ".packed"


def places(folder: str, cache_dir: str | None) -> list[str]:
    """Folders in which the cache of `folder`, a version of a prepared data set, may lie, the first choice first.

    Below `cache_dir` where that is given; else beside the data, or, where these are remote or nobody may write there,
    in the user's own cache.
    """
    name, version = os.path.normpath(folder).split(os.sep)[-2:]
    # Data of one name may lie in several folders.
    whose = os.path.join(name, f"{version}-{files.checksum(os.path.abspath(folder)):08x}")
    if cache_dir is not None:
        return [os.path.join(os.path.expanduser(cache_dir), whose)]
    beside = [] if "://" in folder else [os.path.join(folder, _HIDDEN)]
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return [*beside, os.path.join(home, "tf_emcom", whose)]


def writable(folders: Sequence[str]) -> str:
    """The first of the folders that files can be written to, made where it is not there yet.

    Raises:
      UserError: there is none.
    """
    for folder in folders:
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise UserError(
        f"The data set is to be packed, but nobody may write to {' or '.join(folders)}: bind ByolFolder.cache_dir to a"
        " folder on a local disk."
    )


def stamp(folder: str, shards: Sequence[str]) -> dict[str, Any]:
    """What changes with the files that are packed: size and time of the last change of each, and features.json."""
    features = files.checksum(files.read_bytes(os.path.join(folder, "features.json"), COPY_AGAIN))
    # Remote folders answer one question at a time slowly.
    with files.file_errors(folder, "cannot be read", COPY_AGAIN), concurrent.futures.ThreadPoolExecutor(16) as pool:
        stats = list(pool.map(tf.io.gfile.stat, shards))
    names = map(os.path.basename, shards)
    found = [[name, stat.length, stat.mtime_nsec] for name, stat in zip(names, stats, strict=True)]
    return {"features": features, "files": found}


class Cache:
    """Packs features of a split, each once, and maps them from then on."""

    def __init__(self, split: TfdsSplit, what: str, cache_dir: str | None, names: dict[str, str]) -> None:
        """Says what to pack; nothing is packed yet.

        Args:
          split: what.
          what: its name, as data set/split; the second part is a folder in the cache.
          cache_dir: as `places` says.
          names: feature ↦ the name of its files, another one for another type or size.
        """
        self._split, self._what, self._names = split, what, names
        self._folders = [os.path.join(place, os.path.basename(what)) for place in places(split.folder, cache_dir)]
        self._source = stamp(split.folder, split.shards)

    def arrays(self, features: Sequence[str]) -> dict[str, np.ndarray]:
        """Feature ↦ [N, ...], read-only and mapped; what is not packed yet, or damaged, is packed first.

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
            arrays |= {feature: self._packed(column) for feature, column in columns.items()}
        for folder in self._folders:
            clear_left(folder)
        return arrays

    def remove_damaged(self) -> list[str]:
        """Reads all that is packed, compares checksums, and deletes what is damaged; returns the paths of that."""
        columns = [self._column(folder, feature) for folder in self._folders for feature in self._names]
        damaged = []
        for column in columns:
            with file_errors(column.path, "cannot be read or deleted", "look at its disk and its rights"):
                if column.damaged_blocks():
                    column.remove()
                    damaged.append(column)
        return [column.path for column in damaged]

    def _open(self, feature: str) -> np.memmap | None:
        for folder in self._folders:
            column = self._column(folder, feature)
            array = column.open()
            if array is not None:
                if not column.is_checked():
                    print(f"Looking for NaN and infinity in {column.path}, once.", flush=True)
                    require_finite(array, feature, f"Split {self._split.split!r} in {self._split.folder}")
                    column.note_checked()
                return array
        return None

    def _packed(self, column: Column) -> np.memmap:
        array = column.open()
        if array is None:
            raise UserError(f"{column.path} was packed, but is gone or changed already; run the same command again.")
        return array

    def _require_no_fewer(self, features: Sequence[str]) -> None:
        """UserError where shards lost examples since they were packed, without a `dataset_info.json` to go by."""
        if self._split.is_promised:
            return
        for column in (self._column(folder, feature) for folder in self._folders for feature in features):
            source, before = column.packed_before() or ({}, [])
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

    def _column(self, folder: str, feature: str) -> Column:
        return Column(folder, self._names[feature], self._source)
