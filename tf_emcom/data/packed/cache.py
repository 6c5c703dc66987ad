"""The cache of one split."""

import os
from collections.abc import Sequence

import numpy as np

from tf_emcom.data.packed.column import Column
from tf_emcom.data.packed.packing import Packing
from tf_emcom.data.packed.places import places, stamp, writable
from tf_emcom.data.tfds_split import TfdsSplit


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
          UserError: there is no room, or the files to pack are damaged.
        """
        arrays = {feature: self._open(feature) for feature in features}
        missing = [feature for feature, array in arrays.items() if array is None]
        if missing:
            folder = writable(self._folders)
            columns = {feature: self._column(folder, feature) for feature in missing}
            rows = Packing(self._what, folder, columns, self._split.by_shard()).run(self._split.batches)
            self._split.check(rows)
            arrays |= {feature: column.open() for feature, column in columns.items()}
        return arrays

    def remove_damaged(self) -> list[str]:
        """Reads all that is packed, compares checksums, and deletes what is damaged; returns the paths of that."""
        columns = [self._column(folder, feature) for folder in self._folders for feature in self._names]
        damaged = [column for column in columns if column.damaged_blocks()]
        for column in damaged:
            column.remove()
        return [column.path for column in damaged]

    def _open(self, feature: str) -> np.memmap | None:
        for folder in self._folders:
            array = self._column(folder, feature).open()
            if array is not None:
                return array
        return None

    def _column(self, folder: str, feature: str) -> Column:
        return Column(folder, self._names[feature], self._source)
