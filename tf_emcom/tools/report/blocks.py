"""Blocks of sections; each kind has the name of the template that shows it."""

import math
import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple

from tf_emcom.plots import Mark
from tf_emcom.tools.report.run import Row


class Cell(NamedTuple):
    """One cell of a table.

    Attributes:
      text: what is shown.
      value: the number behind it, unrounded.
      note: an interval or a deviation.
    """

    text: str
    value: float | None = None
    note: str = ""


class Entry(NamedTuple):
    """A line of a legend."""

    mark: Mark
    name: str


class Text(NamedTuple):
    """A paragraph."""

    text: str
    template = "text.html.jinja"


class Missing:
    """A note about what is missing, and the command that makes it."""

    template = "missing.html.jinja"

    def __init__(self, sentence: str, *command: str) -> None:
        """The words of the command are quoted where a shell needs it."""
        self.sentence = sentence
        self.command = " ".join(map(shlex.quote, command))


class Table(NamedTuple):
    """Numbers as text.

    Attributes:
      caption: what is in it.
      heads: of the columns.
      rows: cells, one for each column.
      headed: how many of the first columns say what a row is about.
      summary: unless it is empty, the table is folded away behind these words.
      differing: numbers of rows that stand out.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    headed: int = 1
    summary: str = ""
    differing: Sequence[int] = ()
    template = "table.html.jinja"


class Figure(NamedTuple):
    """One or several plots with a legend and a sentence that explains them.

    Attributes:
      plots: kinds of `drawing.Plot`.
      legend: of all of them.
      caption: the sentence.
      wide: whether each has a row of its own.
      columns: how many are in a row otherwise, if the screen is wide enough.
    """

    plots: Sequence[Any]
    legend: Sequence[Entry]
    caption: str
    wide: bool = False
    columns: int = 3
    template = "figure.html.jinja"


class Picture(NamedTuple):
    """A picture from a run's folder, PNG."""

    base64: str
    caption: str
    template = "picture.html.jinja"


class Code(NamedTuple):
    """The text of a file, folded away."""

    summary: str
    text: str
    template = "code.html.jinja"


class Games(NamedTuple):
    """Games from the candidates to the choice: lines of eval/examplegames.jsonl."""

    title: Entry
    rows: Sequence[Row]
    template = "games.html.jinja"


def number(value: float | None, digits: int = 3, note: str = "") -> Cell:
    """A number, or "undefined" where there is none."""
    if value is None or not math.isfinite(value):
        return Cell("undefined")
    whole = float(value).is_integer() and abs(value) >= 2
    return Cell(f"{value:,.0f}" if whole else f"{value:,.{digits}f}", value, note)


def spread(row: Row) -> str:
    """The deviation between pairs or the interval of a row, as text."""
    deviation, interval = row.get("deviation"), row.get("interval")
    if deviation is not None and "pairs" in row:
        return f"± {deviation:.3f}"
    return f"{interval[0]:.3f}–{interval[1]:.3f}" if isinstance(interval, list) and len(interval) == 2 else ""


def left_out(run_name: str, file: str, count: int) -> list[Text]:
    """A sentence if lines could not be used."""
    if not count:
        return []
    lines = "1 line" if count == 1 else f"{count} lines"
    return [Text(f"{run_name}: {lines} of {file} cut short, changed or of another form, and left out.")]
