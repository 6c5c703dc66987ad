"""Data sets: what each of them provides, checks of its numbers, and arrays that TensorFlow need not copy."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError


class Examples(NamedTuple):
    """N examples of a data set.

    Attributes:
      inputs: float32 [N, F], the features an agent sees.
      labels: name → array [N, ...]; empty where the data set has none.
    """

    inputs: np.ndarray
    labels: dict[str, np.ndarray]

    def with_labels(self, names: Sequence[str] | None, data: str) -> "Examples":
        """The same with the named labels only; None: as it is. UserError where the data set called `data` lacks one."""
        if names is None:
            return self
        if missing := [name for name in names if name not in self.labels]:
            raise UserError(
                f"The data set {data} has no label {missing[0]!r}, only {', '.join(sorted(self.labels))}; choose among"
                " these, or another data set."
            )
        return Examples(self.inputs, {name: self.labels[name] for name in names})


@runtime_checkable
class Source(Protocol):
    """A data set with splits `train`, `valid` and `test`."""

    @property
    def name(self) -> str:
        """The name of the data set in configurations and sentences."""

    def features(self) -> int:
        """F, how many features an input has; cheap, since a test of a trained run needs no training data."""

    def labels(self) -> Sequence[str]:
        """The names of the labels that examples have; cheap, too."""

    def load(self, split: str, labels: Sequence[str] | None = None) -> Examples:
        """The examples of a split, with the named labels; None: all of them.

        UserError where there is no split or no label of that name.
        """


# Where data sets say what the classes of a label, or its columns, are called.
_NAMES = {"label": "class_names", "factors": "factor_names", "attributes": "attribute_names"}


def names_of(data: Source, labels: Iterable[str]) -> dict[str, list[str]]:
    """What the data set calls the classes, or the columns, of its labels: label ↦ names in order, where it says so."""
    found = {label: getattr(data, _NAMES[label], None) for label in labels if label in _NAMES}
    return {label: [str(name) for name in names] for label, names in found.items() if names is not None}


def require_split(split: str, known: Collection[str], data: str) -> None:
    """UserError where the data set called `data` has no such split."""
    if split not in known:
        raise UserError(f"The data set {data} has no split {split!r}: choose one of {', '.join(known)}.")


_BLOCK_BYTES = 1 << 24


def require_finite(values: np.ndarray, name: str, where: str, first_row: int = 0) -> None:
    """UserError where an array [N, ...] of floats holds NaN or infinity; it names the row and place of the first one.

    It reads the array once, a block at a time, so that a mapped one need not fit into memory. `name` is that of the
    feature or label, `where` the data set and split, the beginning of a sentence; `first_row` counts from the split's
    beginning.
    """
    if not (values.dtype.kind == "f" or values.dtype == tf.bfloat16.as_numpy_dtype) or not values.size:
        return
    rows = max(1, _BLOCK_BYTES // max(1, values.nbytes // len(values)))
    for start in range(0, len(values), rows):
        block = np.asarray(values[start : start + rows])
        finite = np.isfinite(block)
        if not finite.all():
            row, *place = (int(index) for index in np.unravel_index(int(np.argmin(finite)), finite.shape))
            raise UserError(_sentence(block[(row, *place)], name, where, first_row + start + row, place))


def require_finite_examples(examples: Examples, where: str) -> None:
    """UserError where inputs or labels hold NaN or infinity; `where` as for `require_finite`."""
    for name, values in [("inputs", examples.inputs), *examples.labels.items()]:
        require_finite(values, name, where)


def finite_only(data: Source) -> Source:
    """The same data set, which refuses NaN and infinity as it loads; itself where it does so by itself."""
    checked: Any = _FiniteOnly(data)  # its __getattr__ makes it a Source
    return data if getattr(data, "checks_numbers", False) else checked


class _FiniteOnly:
    """A data set whose examples are checked when they are loaded; all else is the data set's own."""

    def __init__(self, data: Source) -> None:
        self._data = data

    def __getattr__(self, name: str) -> object:
        return getattr(self._data, name)

    def load(self, split: str, labels: Sequence[str] | None = None) -> Examples:
        examples = self._data.load(split, labels)
        require_finite_examples(examples, f"Split {split!r} of the data set {self._data.name}")
        return examples


def _sentence(value: np.generic, name: str, where: str, row: int, place: Sequence[int]) -> str:
    feature = f", feature {', '.join(map(str, place))}" if place else ""
    there = f"in row {row:,}{feature} of {name!r}, counted from 0"
    fix = "correct that example or leave it out"
    if np.isnan(np.float64(value)):
        return f"{where}: NaN {there}, and no result of that means anything; {fix}."
    largest = float(tf.as_dtype(value.dtype).max)
    beyond = f"{largest:,.0f}" if largest < 1e6 else f"{largest:.2g}"
    half = ', or bind ByolFolder.stored_as to "bfloat16" or "float32"' if value.dtype == np.float16 else ""
    return f"{where}: infinity, or a number beyond {beyond}, the largest of {value.dtype.name}, {there}; {fix}{half}."


# TensorFlow ends the process on reading a tensor that begins elsewhere.
_ALIGNMENT = 64


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
    # NumPy and TensorFlow cannot hand bfloat16 to each other, so it travels as its bits.
    is_half = array.dtype == tf.bfloat16.as_numpy_dtype
    plain = is_half or array.dtype.kind in "iuf"
    can_share = plain and array.size > 0 and array.flags.c_contiguous and array.ctypes.data % _ALIGNMENT == 0
    with tf.device("CPU:0"):
        if not can_share:
            return tf.constant(array)
        shared = np.asarray(_Writable(array.view(np.ndarray).view(np.uint16 if is_half else array.dtype)))
        tensor = tf.experimental.dlpack.from_dlpack(shared.__dlpack__())
        return tf.bitcast(tensor, tf.bfloat16) if is_half else tensor


class _Writable:
    """An array that does not say that it is read-only, which DLPack would refuse; it keeps the array alive."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.__array_interface__ = {**array.__array_interface__, "data": (array.ctypes.data, False)}
