"""A column of a packed data set, mapped into memory."""

import contextlib
import json
import os
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom import files
from tf_emcom.errors import UserError

# TensorFlow ends the process on reading a tensor that begins elsewhere.
_ALIGNMENT = 64

# What NumPy and TensorFlow cannot hand to each other travels as its bits.
_AS_BITS = {np.dtype(tf.bfloat16.as_numpy_dtype): (np.uint16, tf.bfloat16), np.dtype(bool): (np.uint8, None)}


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
    """An array as `np.empty` makes it, in memory that `on_host` need not copy."""
    dtype = np.dtype(dtype)
    if dtype.hasobject:
        return np.empty(shape, dtype)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def on_host(array: np.ndarray) -> tf.Tensor:
    """The array as a tensor on the CPU.

    It shares the array's memory where that is contiguous and aligned, as a mapped file and `aligned_empty` are, so that
    a data set is neither read nor in memory twice; elsewhere it is a copy. Nobody may write to the array any more.
    """
    with tf.device("CPU:0"):
        if not _can_share(array):
            return tf.constant(array)
        bits, dtype = _AS_BITS.get(array.dtype, (array.dtype, None))
        shared = np.asarray(_Bytes(array.view(np.ndarray).view(bits)))
        tensor = tf.experimental.dlpack.from_dlpack(shared.__dlpack__())
        if array.dtype == bool:
            return tf.cast(tensor, tf.bool)
        return tensor if dtype is None else tf.bitcast(tensor, dtype)


def _can_share(array: np.ndarray) -> bool:
    plain = array.dtype in _AS_BITS or array.dtype.kind in "iuf"
    return plain and array.size > 0 and array.flags.c_contiguous and array.ctypes.data % _ALIGNMENT == 0


class _Bytes:
    """An array that does not say that it is read-only, which DLPack would refuse; it keeps the array alive."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.__array_interface__ = {**array.__array_interface__, "data": (array.ctypes.data, False)}


# Since 2, whole numbers have all of their digits, and numbers are finite.
FORMAT = 2
_FIRST_FORMAT = 1
_READ_BYTES = 1 << 24


class Block(NamedTuple):
    """Successive examples that were packed together, those of one shard."""

    rows: int
    checksum: int  # CRC-32 of their bytes


class Column:
    """`NAME.bin`, the bare numbers of an array [N, ...], beside `NAME.json`, which says what they are.

    The description holds the type, the shape, a checksum of each block, a stamp of the source, when the file was last
    written to, and that its numbers were found finite. Neither file ever changes: they are replaced as a whole.
    """

    def __init__(self, folder: str, name: str, source: dict[str, Any]) -> None:
        """`source` is a stamp of what was packed, of which JSON can be made; another one makes the column worthless."""
        self.path = os.path.join(folder, f"{name}.bin")
        self.part = f"{self.path}.part"
        self.journal = os.path.join(folder, f"{name}.journal")
        self.source = source
        self._about = os.path.join(folder, f"{name}.json")

    def open(self) -> np.memmap | None:
        """The array, read-only and mapped, so that only what is looked at is read; None where it is to be packed.

        Where somebody has written to the file since it was packed, all its checksums are compared first; what is found
        damaged is said.
        """
        about = self._description()
        if about is None:
            return self._damaged("has a damaged description") if os.path.lexists(self._about) else None
        dtype = np.dtype(tf.as_dtype(about["dtype"]).as_numpy_dtype)
        if about["format"] != FORMAT and dtype.kind == "i":
            print(f"{self.path} was packed when whole numbers kept 32 bits only: it is packed again.", flush=True)
            return None
        if about["source"] != self.source:
            print(f"{self.path} was packed from other files than are there now: it is packed again.", flush=True)
            return None
        try:
            # Zero bytes cannot be mapped, and are never packed.
            if not os.path.isfile(self.path) or os.path.getsize(self.path) != _size(about):
                return self._damaged("is missing or has another length than was packed")
            if os.stat(self.path).st_mtime_ns != about["modified"]:
                if self.damaged_blocks():
                    return self._damaged("has other checksums than when it was packed")
                self._try_to_describe(about)
            return np.memmap(self.path, dtype, "r", shape=tuple(about["shape"]))
        except OSError as error:
            return self._damaged(f"cannot be read ({files.reason(error)})")

    def is_checked(self) -> bool:
        """Whether its numbers were found finite when it was packed, or since then."""
        about = self._description()
        return about is not None and ("finite" in about or not tf.as_dtype(about["dtype"]).is_floating)

    def note_checked(self) -> None:
        """Its numbers were found finite: nobody needs to read them all again."""
        about = self._description()
        if about is not None:
            self._try_to_describe({**about, "finite": True})

    def packed_before(self) -> tuple[dict[str, Any], list[int]] | None:
        """The stamp of what it was packed from, and how many examples each block has; None: there is none."""
        about = self._description()
        return None if about is None else (about["source"], [Block(*block).rows for block in about["blocks"]])

    def damaged_blocks(self) -> list[int]:
        """Reads the whole file and compares checksums: which blocks are not what was packed."""
        about = self._description()
        if about is None:
            return []
        size = _row_bytes(about)
        with open(self.path, "rb") as file:
            blocks = [Block(*block) for block in about["blocks"]]
            return [i for i, block in enumerate(blocks) if checksum(file, block.rows * size) != block.checksum]

    def replace(self, dtype: str, shape: tuple[int, ...], blocks: list[Block]) -> None:
        """What was packed to `part` becomes the column."""
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
        """What its description says; None where there is none that is whole."""
        with contextlib.suppress(UserError, KeyError):
            about = files.read_json(self._about, "it is written again")
            if about.pop("checksum") == files.json_checksum(about) and about["format"] in (_FIRST_FORMAT, FORMAT):
                return about
        return None

    def _describe(self, about: dict[str, Any]) -> None:
        about = {**about, "modified": os.stat(self.path).st_mtime_ns}
        # As it will be read: JSON knows no tuples.
        about = json.loads(json.dumps(about))
        files.write_whole(self._about, json.dumps({**about, "checksum": files.json_checksum(about)}))

    def _try_to_describe(self, about: dict[str, Any]) -> None:
        # In a folder that only others write to, the file is looked through again the next time.
        with contextlib.suppress(OSError, UserError):
            self._describe(about)

    def _damaged(self, how: str) -> None:
        print(f"{self.path} {how}: it is packed again.", flush=True)


def checksum(file: Any, size: int) -> int:
    """CRC-32 of the next `size` bytes of a file; of fewer where it ends."""
    value = 0
    for start in range(0, size, _READ_BYTES):
        value = files.checksum(file.read(min(_READ_BYTES, size - start)), value)
    return value


def _row_bytes(about: dict[str, Any]) -> int:
    return int(np.prod(about["shape"][1:], dtype=np.int64)) * tf.as_dtype(about["dtype"]).size


def _size(about: dict[str, Any]) -> int:
    return about["shape"][0] * _row_bytes(about)
