"""Reading lines of JSON that may still be being written."""

import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tf_emcom.errors import UserError

Row = dict[str, Any]


class Lines(NamedTuple):
    """What a file of JSON lines holds.

    Attributes:
      rows: the lines that can be used.
      left_out: how many cannot: cut short by a kill, or of another form.
    """

    rows: list[Row]
    left_out: int


def read_text(path: str) -> str:
    """The text of a file, also on cloud storage; UserError where it cannot be read."""
    try:
        with tf.io.gfile.GFile(path) as file:
            return file.read()
    except (OSError, UnicodeDecodeError, tf.errors.OpError) as error:
        reason = str(getattr(error, "message", error)).splitlines()[0]
        raise UserError(f"{path} cannot be read ({reason}); look at who may read it, or make it anew.") from error


def read_lines(path: str, needed: Sequence[str]) -> Lines:
    """The lines of a file that are objects and have a finite number under every key in `needed`.

    UserError where there is a file that cannot be read; nothing where there is none.
    """
    texts = [text for text in read_text(path).split("\n") if text.strip()] if tf.io.gfile.exists(path) else []
    rows = [row for row in map(_parsed, texts) if row is not None and all(_is_number(row.get(key)) for key in needed)]
    return Lines(rows, len(texts) - len(rows))


def _parsed(text: str) -> Row | None:
    try:
        row = json.loads(text)
    except json.JSONDecodeError:
        return None
    return row if isinstance(row, dict) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
