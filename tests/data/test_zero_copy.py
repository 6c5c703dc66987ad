import gc

import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.data.source import aligned_empty, on_host

TYPES = [np.float32, np.float16, tf.bfloat16.as_numpy_dtype, np.float64, np.int32, np.int64, np.uint8, np.bool_]


def filled(shape, dtype):
    array = aligned_empty(shape, dtype)
    array[...] = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    return array


def address(tensor):
    # On the CPU, NumPy looks at a tensor's own memory.
    return np.asarray(memoryview(tensor)).ctypes.data


@pytest.mark.parametrize("dtype", TYPES, ids=lambda dtype: np.dtype(dtype).name)
def test_tensor_has_the_values_and_the_type(dtype):
    array = filled((5, 3), dtype)
    tensor = on_host(array)
    assert tensor.dtype == tf.as_dtype(dtype)
    np.testing.assert_array_equal(tensor.numpy(), array)


def test_aligned_memory_is_shared():
    array = filled((5, 3), np.float32)
    assert address(on_host(array)) == array.ctypes.data


def test_mapped_file_is_shared_and_stays_read_only(tmp_path):
    filled((8, 16), np.float32).tofile(tmp_path / "array")
    mapped = np.memmap(tmp_path / "array", np.float32, "r", shape=(8, 16))
    tensor = on_host(mapped)
    assert address(tensor) == mapped.ctypes.data
    assert not mapped.flags.writeable


def test_tensor_outlives_the_array(tmp_path):
    array = filled((64, 64), np.float32)
    array.tofile(tmp_path / "array")
    tensors = [on_host(np.memmap(tmp_path / "array", np.float32, "r", shape=(64, 64))), on_host(array.copy())]
    gc.collect()
    for tensor in tensors:
        np.testing.assert_array_equal(tf.gather(tensor, [63, 0]), array[[63, 0]])


# TensorFlow would end the process on reading them where they lie.
@pytest.mark.parametrize(
    "change", [lambda a: a[1:], lambda a: a[:, 1:], lambda a: a[::2], lambda a: a.T, lambda a: a[:0]]
)
def test_what_cannot_be_shared_is_copied(change):
    array = change(filled((6, 5), np.float32))
    tensor = on_host(array)
    np.testing.assert_array_equal(tf.gather(tensor, np.arange(len(array))), array)


def test_texts_become_texts():
    array = np.array([b"one", b"three"], object)
    assert on_host(array).numpy().tolist() == [b"one", b"three"]
    assert aligned_empty((2,), object).tolist() == [None, None]


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (4, 0)])
def test_memory_is_aligned_and_as_large_as_asked(shape):
    array = aligned_empty(shape, np.float64)
    assert (array.shape, array.dtype) == (shape, np.float64)
    assert not array.size or array.ctypes.data % 64 == 0
    array[...] = 1
