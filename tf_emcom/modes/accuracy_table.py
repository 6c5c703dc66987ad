"""Accuracies as text."""

from collections.abc import Sequence
from typing import Any

_LEAST_WIDTH = 11  # of a column


def accuracy_table(rows: Sequence[dict[str, Any]], down: Sequence[str], across: str) -> str:
    """One line for each combination of `down`, one column for each value of `across`.

    Args:
      rows: each with these labels, and `accuracy`; where there is a `deviation` and no `ensemble`, it is told too.
      down: labels.
      across: a label whose values are numbers.
    """
    words = across.replace("_", " ")
    cells = [_cell(row) for row in rows]
    width = max(_LEAST_WIDTH, *map(len, cells))
    heads = [f"{words} {value:g}".ljust(width) for value in dict.fromkeys(row[across] for row in rows)]
    widths = [max(len(key), *(len(_text(row[key])) for row in rows)) for key in down]
    titles = [key.replace("_", " ").ljust(size) for key, size in zip(down, widths, strict=True)]
    lines = ["  ".join([*titles, *heads]).rstrip()]
    for place in dict.fromkeys(tuple(row[key] for key in down) for row in rows):
        first = [_text(value).rjust(size) for value, size in zip(place, widths, strict=True)]
        found = [cell for cell, row in zip(cells, rows, strict=True) if tuple(row[key] for key in down) == place]
        numbers = [cell.ljust(len(head)) for cell, head in zip(found, heads, strict=True)]
        lines.append("  ".join([*first, *numbers]).rstrip())
    return "\n".join(lines)


def _cell(row: dict[str, Any]) -> str:
    # Between the pairs of a population it would be taken for that between runs.
    spread = f" ± {row['deviation']:.3f}" if "deviation" in row and "ensemble" not in row else ""
    return f"{row['accuracy']:.3f}{spread}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else f"{value:g}"
