"""A corpus as lines of JSON."""

import contextlib
import json
import os
from collections.abc import Sequence
from typing import TextIO

import numpy as np

from tf_emcom.corpora.formats.corpus_format import CorpusFormat
from tf_emcom.corpora.message_lines import read_lines
from tf_emcom.errors import UserError

_SYMBOLS = "symbols"


class Jsonl(CorpusFormat):
    """`messages.jsonl`: each line is one message as it was sent, a JSON array of whole numbers, and nothing else.

    It is the form that the collection ELCC and the benchmark XferBench read. A message that ends keeps its first end
    symbol, and what follows is left out: no line is empty, and none says more than the speaker did.
    """

    holds = r"messages\.jsonl"

    def keeps(self, column: str) -> bool:
        """The symbols alone."""
        return column == _SYMBOLS

    def begin(self) -> None:
        """Makes the file."""
        self._file: TextIO = open(self._path, "w", encoding="utf-8")

    def append(self, columns: dict[str, np.ndarray]) -> None:
        """Writes a line a message."""
        ends = columns["length"] + 1
        messages = zip(columns[_SYMBOLS].tolist(), ends.tolist(), strict=True)
        self._file.writelines(json.dumps(message[:end]) + "\n" for message, end in messages)

    def finish(self) -> None:
        """Closes the file."""
        self._file.close()

    def close(self) -> None:
        """Closes the file."""
        if hasattr(self, "_file"):
            with contextlib.suppress(OSError):
                self._file.close()

    def read(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        """The symbols, messages that end being filled up with their end symbol."""
        self.require_undamaged(self._path)
        try:
            found = read_lines(self._path)
        except UserError as error:
            raise self.damaged(self._path, str(error)) from error
        column, count = self.manifest.columns[_SYMBOLS], self.manifest.count
        if len(found.lengths) != count or not len(found.lengths) or not 1 <= found.lengths.min():
            raise self.damaged(self._path, f"it has {len(found.lengths)} messages, and {count} were written")
        if found.lengths.max() > column.shape[0]:
            raise self.damaged(self._path, f"a message has {found.lengths.max()} symbols")
        last = found.symbols[np.cumsum(found.lengths) - 1]
        return {name: found.filled(column.shape[0], last).astype(column.in_memory) for name in names}

    @property
    def _path(self) -> str:
        return os.path.join(self.folder, "messages.jsonl")
