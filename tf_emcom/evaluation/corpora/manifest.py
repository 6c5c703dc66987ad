"""The manifest of a corpus: what its columns are, and where it is from."""

import json
import os
from typing import Any, NamedTuple

import numpy as np

from tf_emcom import files
from tf_emcom.errors import UserError


class ColumnType(NamedTuple):
    """The type and the shape of what a column has for each row."""

    dtype: str  # NumPy's name of a type of numbers, or "bytes" or "text"
    shape: tuple[int, ...] = ()  # of one row's entry; () is one value
    width: int = 0  # the most bytes or characters of a text; 0 for numbers

    @classmethod
    def of(cls, name: str, values: np.ndarray) -> "ColumnType":
        """The column that can hold values [N, ...]; UserError where no format can keep them."""
        shape = tuple(values.shape[1:])
        if values.dtype.kind in "biuf":
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


FILE = "corpus.json"
_FORMAT = 1
_CHECKSUM = "checksum"


class Manifest(NamedTuple):
    """What is in a corpus, where it comes from, and how it was made."""

    data: str  # the data set
    split: str
    examples: int  # in the split
    count: int  # type: ignore[assignment]  # rows: examples times pairs; tuples have a method count
    pairs: list[list[int]]  # speaker and listener of each pair, in the order of the rows
    columns: dict[str, ColumnType]
    names: dict[str, list[str]]  # label ↦ what its columns or its classes are called, where the data set says so
    formats: list[str]
    vocab_size: int  # V
    message_length: int  # T
    unknown: int  # the id of UNK, "erased", in received messages
    end_symbol: int | None  # the symbol that ends a message and fills up what is behind it; None: messages have no end
    noise: float  # the channel's, such as a probability of erasure
    candidates: int | None  # C; None where nothing is chosen among inputs
    seed: int  # of the groups and of the erasures
    run: str  # the folder of the run
    config: str  # SHA-256 of its config.gin
    step: int  # of its checkpoint
    training_seeds: dict[str, int] | None  # speaker ↦ the seed of its training, where pairs are independent runs
    command: str  # that writes this corpus
    channel: str = "Erasure"  # through which messages went
    varied: dict[str, dict[str, float]] | None = None  # speaker ↦ name ↦ number, where numbers vary between pairs
    complete: bool = False
    files: dict[str, str] | None = None  # path ↦ CRC-32; None until it is complete

    def write(self, folder: str) -> None:
        """Writes corpus.json, so that a reader finds the old one or this one; UserError where that is impossible."""
        files.write_whole(os.path.join(folder, FILE), self.text() + "\n")

    def is_of_the_same_messages(self, other: "Manifest") -> bool:
        """Whether both describe the same messages of the same agents, in whatever formats and places."""
        apart: dict[str, Any] = {"formats": [], "run": "", "command": "", "complete": True, "files": None}
        return self._replace(**apart) == other._replace(**apart)

    def text(self) -> str:
        """As JSON."""
        columns = {name: {**column._asdict(), "shape": list(column.shape)} for name, column in self.columns.items()}
        content = {"format": _FORMAT, **self._asdict(), "columns": columns}
        return json.dumps({**content, _CHECKSUM: _checksum(content)}, indent=1)

    @classmethod
    def read(cls, folder: str) -> "Manifest":
        """Reads corpus.json; UserError where it is not there, damaged, or of another version."""
        path, fix = os.path.join(folder, FILE), "write the corpus again with tf-emcom messages"
        found = files.read_json(path, fix)
        try:
            if found.pop(_CHECKSUM) != _checksum(found):
                raise ValueError("its checksum does not fit")
            if found.pop("format") != _FORMAT:
                raise ValueError("it is of another version")
            columns = {name: ColumnType(c["dtype"], (*c["shape"],), c["width"]) for name, c in found["columns"].items()}
            return cls(**{**found, "columns": columns})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{path} cannot be read as the description of a corpus ({type(error).__name__}: {error}); {fix}."
            ) from error


def _checksum(content: dict[str, Any]) -> str:
    return f"{files.json_checksum(content):08x}"  # of all else that corpus.json says
