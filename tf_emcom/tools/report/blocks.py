"""What sections are made of; each kind names the template that shows it."""

import math
import shlex
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from tf_emcom.tools.report.drawing import Mark
from tf_emcom.tools.report.run import Row


class Cell(NamedTuple):
    """One cell of a table.

    Attributes:
      text: what is read.
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


class Text:
    """A paragraph."""

    template: ClassVar[str] = "text.html.jinja"

    def __init__(self, text: str) -> None:
        self.text = text


class Missing:
    """What is not there, and the command that makes it."""

    template: ClassVar[str] = "missing.html.jinja"

    def __init__(self, sentence: str, *command: str) -> None:
        """The words of the command are quoted where a shell needs it."""
        self.sentence = sentence
        self.command = " ".join(map(shlex.quote, command))


class Table:
    """Numbers as text."""

    template: ClassVar[str] = "table.html.jinja"

    def __init__(
        self,
        caption: str,
        heads: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        headed: int = 1,
        summary: str = "",
        differing: Sequence[int] = (),
    ) -> None:
        """Lays out a table.

        Args:
          caption: what is in it.
          heads: of the columns.
          rows: cells, one a column.
          headed: how many of the first columns say what a row is about.
          summary: where it is given, the table is folded away behind these words.
          differing: numbers of rows that stand out.
        """
        self.caption = caption
        self.heads = heads
        self.rows = rows
        self.headed = headed
        self.summary = summary
        self.differing = set(differing)


class Figure:
    """One or several plots with a legend and a sentence that explains them."""

    template: ClassVar[str] = "figure.html.jinja"

    def __init__(
        self, plots: Sequence[Any], legend: Sequence[Entry], caption: str, wide: bool = False, columns: int = 3
    ) -> None:
        """`plots` are kinds of `drawing.Plot`, so many in a row, or one where they are wide, if the screen has room."""
        self.columns = columns
        self.plots = plots
        self.legend = legend
        self.caption = caption
        self.wide = wide


class Picture:
    """A picture from a run's folder, PNG."""

    template: ClassVar[str] = "picture.html.jinja"

    def __init__(self, base64: str, caption: str) -> None:
        self.base64 = base64
        self.caption = caption


class Code:
    """A text as it lies in a file, folded away."""

    template: ClassVar[str] = "code.html.jinja"

    def __init__(self, summary: str, text: str) -> None:
        self.summary = summary
        self.text = text


class Games:
    """Games from the candidates to the choice: lines of eval/examplegames.jsonl."""

    template: ClassVar[str] = "games.html.jinja"

    def __init__(self, title: Entry, rows: Sequence[Row]) -> None:
        self.title = title
        self.rows = rows


def number(value: float | None, digits: int = 3, note: str = "") -> Cell:
    """A number, or what is said where there is none."""
    if value is None or not math.isfinite(value):
        return Cell("undefined")
    whole = float(value).is_integer() and abs(value) >= 2
    return Cell(f"{value:,.0f}" if whole else f"{value:,.{digits}f}", value, note)


def spread(row: Row) -> str:
    """What a line says of how sure its value is: a deviation between pairs, or an interval."""
    deviation, interval = row.get("deviation"), row.get("interval")
    if deviation is not None and "pairs" in row:
        return f"± {deviation:.3f}"
    return f"{interval[0]:.3f}–{interval[1]:.3f}" if isinstance(interval, list) and len(interval) == 2 else ""


def left_out(run_name: str, file: str, count: int) -> list[Text]:
    """A sentence where lines could not be used; nothing where all could."""
    if not count:
        return []
    lines = "1 line" if count == 1 else f"{count} lines"
    return [Text(f"{run_name}: {lines} of {file} cut short, changed or of another form, and left out.")]
