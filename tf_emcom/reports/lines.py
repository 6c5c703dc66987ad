"""Reading lines of JSON that may still be being written."""

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tf_emcom import files

# What to do about a file of a run that cannot be read.
FIX = "look at who may read it, or run what wrote it again"

Row = dict[str, Any]


class Lines(NamedTuple):
    """What a file of JSON lines holds.

    Attributes:
      rows: the lines that can be used.
      left_out: how many cannot: cut off, changed, or of another form.
    """

    rows: list[Row]
    left_out: int


def read_lines(path: str, needed: Sequence[str]) -> Lines:
    """The lines of a file that are objects and have a finite number under every key in `needed`.

    UserError where there is a file that cannot be read; nothing where there is none.
    """
    found = files.read_text(path, FIX) if tf.io.gfile.exists(path) else ""
    texts = [text for text in found.split("\n") if text.strip()]
    rows = [row for row in map(_parsed, texts) if row is not None]
    left_out = max(len(texts) - len(rows), files.missing_lines(rows))
    usable = [row for row in rows if all(is_number(row.get(key)) for key in needed)]
    return Lines(usable, left_out + len(rows) - len(usable))


def _parsed(text: str) -> Row | None:
    try:
        return files.row_of(text)
    except ValueError:
        return None


def is_number(value: object) -> bool:
    """Whether it can be drawn."""
    # Beyond what a float can be there is nothing to draw.
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max
