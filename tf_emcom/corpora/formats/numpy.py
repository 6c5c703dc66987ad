"""A corpus as arrays of NumPy."""

import contextlib
import os
import urllib.parse
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from tf_emcom.corpora.formats.corpus_format import CorpusFormat


class Numpy(CorpusFormat):
    """`numpy/COLUMN.npy`, an array [N, ...] each; `np.load(…, mmap_mode="r")` maps it.

    Texts are kept with as many bytes or characters as the longest has, so that no pickle is needed.
    """

    holds = r"numpy/[^/]+\.npy"

    def begin(self) -> None:
        """Writes the headers, and makes room for N rows."""
        self._files: dict[str, BinaryIO] = {}
        os.makedirs(os.path.join(self.folder, "numpy"))
        for name, column in self.manifest.columns.items():
            path, shape = self._path(name), (self.manifest.count, *column.shape)
            offset = np.lib.format.open_memmap(path, "w+", column.on_disk, shape).offset
            # Not through the mapping, whose pages would stay in memory until the system wants them.
            self._files[name] = open(path, "r+b")
            self._files[name].seek(offset)

    def append(self, columns: dict[str, np.ndarray]) -> None:
        """Writes the next rows of each file."""
        for name, values in columns.items():
            self._files[name].write(values.astype(self.manifest.columns[name].on_disk).tobytes())

    def finish(self) -> None:
        """Closes the files."""
        for file in self._files.values():
            file.close()

    def close(self) -> None:
        """Closes the files."""
        for file in getattr(self, "_files", {}).values():
            with contextlib.suppress(OSError):
                file.close()

    def read(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        """The columns, those of numbers mapped."""
        return {name: self._read(name) for name in names}

    def _read(self, name: str) -> np.ndarray:
        column, path = self.manifest.columns[name], self._path(name)
        self.require_undamaged(path)
        try:
            found = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise self.damaged(path, str(error)) from error
        if found.shape != (self.manifest.count, *column.shape) or found.dtype != column.on_disk:
            raise self.damaged(path, f"it holds {found.dtype} {list(found.shape)}")
        return found.astype(object) if column.is_text else found

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, "numpy", f"{urllib.parse.quote(name, safe='')}.npy")
