"""What a column of a corpus holds."""

from typing import NamedTuple

import numpy as np

from tf_emcom.errors import UserError

_PLAIN = "biuf"


class ColumnType(NamedTuple):
    """The type and the shape of what a column has for each row.

    Attributes:
      dtype: NumPy's name of a type of numbers, or "bytes" or "text".
      shape: of one row's entry; () is one value.
      width: the most bytes or characters of a text; 0 for numbers.
    """

    dtype: str
    shape: tuple[int, ...] = ()
    width: int = 0

    @classmethod
    def of(cls, name: str, values: np.ndarray) -> "ColumnType":
        """The column that can hold values [N, ...].

        Raises:
          UserError: no format can keep them.
        """
        shape = tuple(values.shape[1:])
        if values.dtype.kind in _PLAIN:
            return cls(values.dtype.name, shape)
        for kind, dtype in ((bytes, "bytes"), (str, "text")):
            # Those of NumPy's own types of texts are subclasses.
            if values.dtype.kind in "SUO" and all(isinstance(value, kind) for value in values.flat):
                return cls(dtype, shape, max((len(value) for value in values.flat), default=0) or 1)
        raise UserError(
            f"The label {name!r} holds values of the type {values.dtype}, but a corpus keeps numbers, texts and bytes;"
            " leave it out with Messages.labels."
        )

    @property
    def is_text(self) -> bool:
        """Whether it holds texts or bytes, which NumPy has as objects."""
        return self.dtype in ("bytes", "text")

    @property
    def in_memory(self) -> np.dtype:
        """The type of the array that a reader returns."""
        return np.dtype(object if self.is_text else self.dtype)

    @property
    def on_disk(self) -> np.dtype:
        """The type with a fixed number of bytes an entry."""
        kinds = {"bytes": f"S{self.width}", "text": f"U{self.width}"}
        return np.dtype(kinds.get(self.dtype, self.dtype))
