"""Data sets: what every one provides, and checks of its numbers."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

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
        for name in names:
            if name not in self.labels:
                raise UserError(
                    f"The data set {data} has no label {name!r}, only {', '.join(sorted(self.labels))}; choose among"
                    " these, or another data set."
                )
        return Examples(self.inputs, {name: self.labels[name] for name in names})


@runtime_checkable
class Source(Protocol):
    """A data set with splits `train`, `valid` and `test`."""

    @property
    def name(self) -> str:
        """What it is called in configurations."""

    def features(self) -> int:
        """F, how many features an input has; cheap, since a test of a trained run needs no training data."""

    def labels(self) -> Sequence[str]:
        """The names of the labels that examples have; cheap, too."""

    def load(self, split: str, labels: Sequence[str] | None = None) -> Examples:
        """The examples of a split, with the named labels; None: all of them.

        UserError where there is no split or no label of that name.
        """


_BLOCK_BYTES = 1 << 24
# The exponent of a half that is no finite number. The bits are compared, since NumPy is slow with halves.
_EXPONENTS = {np.dtype(np.float16): 0x7C00, np.dtype(tf.bfloat16.as_numpy_dtype): 0x7F80}


def is_float(dtype: np.dtype) -> bool:
    """Whether numbers of the type can be NaN or infinite."""
    return dtype.kind == "f" or dtype in _EXPONENTS


def require_finite(values: np.ndarray, name: str, where: str, first_row: int = 0) -> None:
    """Reads an array once, a block at a time, so that a mapped one need not fit into memory.

    Args:
      values: [N, ...], of any type; only floats are read.
      name: of the feature or label.
      where: the data set and split, the beginning of a sentence.
      first_row: the number of the first row within the split.

    Raises:
      UserError: one of them is NaN or infinite; it names the first one's row and place.
    """
    if not is_float(values.dtype) or not values.size:
        return
    rows = max(1, _BLOCK_BYTES // max(1, values.nbytes // len(values)))
    for start in range(0, len(values), rows):
        block = np.asarray(values[start : start + rows])
        finite = _finite(block)
        if not finite.all():
            row, *place = (int(index) for index in np.unravel_index(int(np.argmin(finite)), finite.shape))
            raise UserError(_sentence(block[(row, *place)], name, where, first_row + start + row, place))


def finite_only(data: Source) -> Source:
    """The same data set, which refuses NaN and infinity as it loads; itself where it does so by itself."""
    return data if getattr(data, "checks_numbers", False) else _FiniteOnly(data)


def require_finite_examples(examples: Examples, where: str) -> None:
    """UserError where inputs or labels hold NaN or infinity; `where` as for `require_finite`."""
    require_finite(examples.inputs, "inputs", where)
    for name, values in examples.labels.items():
        require_finite(values, name, where)


class _FiniteOnly:
    """Stands for a data set; whatever is not loading is the data set's own."""

    def __init__(self, data: Source) -> None:
        self._data = data

    def __getattr__(self, name: str) -> object:
        return getattr(self._data, name)

    def load(self, split: str, labels: Sequence[str] | None = None) -> Examples:
        examples = self._data.load(split, labels)
        require_finite_examples(examples, f"Split {split!r} of the data set {self._data.name}")
        return examples


def _finite(values: np.ndarray) -> np.ndarray:
    mask = _EXPONENTS.get(values.dtype)
    return np.isfinite(values) if mask is None else (values.view(np.uint16) & mask) != mask


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
