"""Arrays in memory, or in a mapped file, as tensors of the host that share their bytes."""

import numpy as np
import tensorflow as tf

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
