"""What a corpus is about, as `corpus.json` says it."""

import json
import os
from typing import Any, NamedTuple

from tf_emcom.corpora.column_type import ColumnType
from tf_emcom.errors import UserError

FILE = "corpus.json"
_FORMAT = 1


class Manifest(NamedTuple):
    """What is in a corpus, where it comes from, and how it was made."""

    data: str  # the data set
    split: str
    examples: int  # in the split
    count: int  # rows: examples times pairs
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
    complete: bool = False

    def write(self, folder: str) -> None:
        """Writes corpus.json, so that a reader finds the old one or this one."""
        path = os.path.join(folder, FILE)
        with open(f"{path}.new", "w") as file:
            file.write(self.text() + "\n")
        os.replace(f"{path}.new", path)

    def text(self) -> str:
        """As JSON."""
        columns = {name: {**column._asdict(), "shape": list(column.shape)} for name, column in self.columns.items()}
        return json.dumps({"format": _FORMAT, **self._asdict(), "columns": columns}, indent=1)

    @classmethod
    def read(cls, folder: str) -> "Manifest":
        """Reads corpus.json.

        Raises:
          UserError: it is not there, damaged, or of another version.
        """
        path = os.path.join(folder, FILE)
        try:
            with open(path) as file:
                return cls._of(json.load(file))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{path} cannot be read as the description of a corpus ({type(error).__name__}: {error}); write the"
                " corpus again with bin/messages."
            ) from error

    @classmethod
    def _of(cls, found: dict[str, Any]) -> "Manifest":
        if found.pop("format") != _FORMAT:
            raise ValueError("it is of another version")
        columns = {name: ColumnType(c["dtype"], tuple(c["shape"]), c["width"]) for name, c in found["columns"].items()}
        return cls(**{**found, "columns": columns})
