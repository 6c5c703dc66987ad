"""Messages in lines of JSON, whoever wrote them."""

import array
import json
import os
from typing import NamedTuple

import numpy as np

from tf_emcom.errors import UserError


class MessageLines(NamedTuple):
    """N messages, one behind the other."""

    symbols: np.ndarray  # int64 [lengths.sum()]
    lengths: np.ndarray  # int64 [N]

    def filled(self, length: int, fill: np.ndarray) -> np.ndarray:
        """Int64 [N, length], messages that are shorter being filled up with the numbers of `fill`, int [N]."""
        rows = np.repeat(fill[:, np.newaxis], length, axis=1)
        rows[np.arange(length) < self.lengths[:, np.newaxis]] = self.symbols
        return rows


def read_lines(path: str) -> MessageLines:
    """Reads a file in which each line is a JSON array of whole numbers; empty lines are passed over.

    Raises:
      UserError: the file cannot be read, or a line is something else.
    """
    symbols, lengths = array.array("q"), array.array("q")
    if os.path.lexists(path) and not os.path.isfile(path):
        raise UserError(f"{path} cannot be read (it is no regular file); name a file of JSON lines.")
    try:
        # Some editors put a byte order mark before the text.
        with open(path, encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    lengths.append(_append(symbols, line, f"Line {number} of {path}"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}); name a file of JSON lines.") from error
    return MessageLines(np.array(symbols, np.int64), np.array(lengths, np.int64))


def _append(symbols: array.array, line: str, where: str) -> int:
    """Appends the symbols of a line, and says how many they are."""
    try:
        message = json.loads(line)
        if isinstance(message, list):
            symbols.extend(message)
            return len(message)
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass
    raise UserError(f"{where} is {line.strip()!r:.80}, but each line has to be a message, as in [3, 17, 4].")
