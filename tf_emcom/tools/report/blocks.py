"""Blocks of sections; each kind has the name of the template that shows it."""

import math
import shlex
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tf_emcom.plots import Mark
from tf_emcom.tools.report.run import Row, Run


class Number(NamedTuple):
    """A number in a table: as it is shown, as it is in a file, and an interval or a deviation."""

    text: str
    value: float
    note: str = ""


class Entry(NamedTuple):
    """A line of a legend, which may be a `Run` as well."""

    mark: Mark
    name: str


class Text(NamedTuple):
    """A paragraph."""

    text: str
    template = "text.html.jinja"


class Missing(NamedTuple):
    """A note about what is missing, and the command that makes it, in a shell's words."""

    sentence: str
    command: str
    template = "missing.html.jinja"


class Table(NamedTuple):
    """Numbers and words."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Number | str]]
    headed: int = 1  # so many of the first columns say what a row is about, in words
    summary: str = ""  # unless it is empty, the table is folded away behind these words
    differing: Sequence[int] = ()  # numbers of rows that stand out
    template = "table.html.jinja"


class Figure(NamedTuple):
    """One or several plots with a legend and a sentence that explains them."""

    plots: Sequence[Any]  # kinds of `drawing.Plot`
    legend: Sequence[Any]  # of all of them: kinds of `Entry`
    caption: str
    wide: bool = False  # each plot has a row of its own
    columns: int = 3  # so many are in a row otherwise, if the screen is wide enough
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

    run: Run
    rows: Sequence[Row]
    template = "games.html.jinja"


def number(value: float | None, note: str = "") -> Number | str:
    """A number, or "undefined" where there is none."""
    if value is None or not math.isfinite(value):
        return "undefined"
    whole = float(value).is_integer() and abs(value) >= 2
    return Number(f"{value:,.0f}" if whole else f"{value:,.3f}", value, note)


def accuracy(row: Row | None) -> Number | str:
    """The accuracy of a row with the deviation between pairs or its interval; a dash where there is none."""
    if row is None:
        return "–"
    deviation, interval = row.get("deviation"), row.get("interval")
    if deviation is not None and "pairs" in row:
        return number(row["accuracy"], note=f"± {deviation:.3f}")
    found = isinstance(interval, list) and len(interval) == 2
    return number(row["accuracy"], note=f"{interval[0]:.3f}–{interval[1]:.3f}" if found else "")


def left_out(run: Run, file: str, count: int) -> list[object]:
    """A sentence if lines could not be used."""
    if not count:
        return []
    lines = "1 line" if count == 1 else f"{count} lines"
    return [Text(f"{run.name}: {lines} of {file} cut short, changed or of another form, and left out.")]


def missing(run: Run, mode: str) -> Missing:
    """A note about a run without that test."""
    command = shlex.join(["tf-emcom", "evaluate", f"--workdir={run.path}", f"--mode={mode}"])
    return Missing(f"{run.name} has no eval/{mode}.jsonl; this command makes it:", command)


def tested(
    run: Run,
    mode: str,
    needed: Sequence[str] = (),
    usable: Callable[[Row], bool] = lambda row: True,
    expected: bool = True,
) -> tuple[list[Row], list[object]]:
    """The usable rows of a run's test, and notes about lines that were left out, or about no rows if some are expected.

    `needed` are the fields that must be numbers.
    """
    lines = run.evaluation(mode, needed)
    rows = [row for row in lines.rows if usable(row)]
    notes = left_out(run, f"eval/{mode}.jsonl", lines.left_out + len(lines.rows) - len(rows))
    return rows, notes if rows or not expected else [*notes, missing(run, mode)]
