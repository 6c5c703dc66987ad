"""Numbers with names, as text, as JSON and beside older ones."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# How an older number and the ratio to it are called; the name of the number comes first.
_BEFORE, _RATIO = "before", "ratio"


class Table(NamedTuple):
    """One table of a report.

    Attributes:
      title: what it is about.
      labels: the columns that tell one row from another.
      numbers: the other columns ↦ what each number is, in a few words.
      rows: column ↦ value; None where there is no such number.
      compared: the numbers that are set beside older ones.
    """

    title: str
    labels: tuple[str, ...]
    numbers: dict[str, str]
    rows: list[dict[str, Any]]
    compared: tuple[str, ...]

    def text(self) -> str:
        """Title, header, one line a row, and what each number is."""
        columns = [*self.labels, *self.numbers]
        cells = [columns, *([_shown(row.get(column)) for column in columns] for row in self.rows)]
        widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
        first = len(self.labels)
        lines = [
            "  ".join(
                cell.ljust(width) if i < first else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in cells
        ]
        lines.insert(1, "-" * max(map(len, lines)))
        notes = [f"  {name}: {about}" for name, about in self.numbers.items() if about]
        return "\n".join([self.title, "", *lines, "", *notes])

    def beside(self, older: Sequence[Mapping[str, Any]]) -> "Table":
        """This table with, after each number to compare, the older one of the same labels and new / old.

        Args:
          older: the rows of an older table; what this one has no row for is left out.
        """
        known = {self._key(row): row for row in older}
        numbers: dict[str, str] = {}
        for name, about in self.numbers.items():
            numbers[name] = about
            if name in self.compared:
                numbers |= {f"{name}, {_BEFORE}": "", f"{name}, {_RATIO}": ""}
        rows = []
        for row in self.rows:
            before = known.get(self._key(row), {})
            added = {}
            for name in self.compared:
                old, new = before.get(name), row.get(name)
                added[f"{name}, {_BEFORE}"] = old
                added[f"{name}, {_RATIO}"] = new / old if _is_number(new) and _is_number(old) and old else None
            rows.append({**row, **added})
        return self._replace(numbers=numbers, rows=rows)

    def _key(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(str(row.get(label)) for label in self.labels)


def merged(tables: Sequence[Table]) -> list[Table]:
    """Tables of one title made one, the rows one below the other, in the order of their first."""
    found: dict[str, Table] = {}
    for table in tables:
        before = found.get(table.title)
        found[table.title] = table if before is None else before._replace(rows=[*before.rows, *table.rows])
    return list(found.values())


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if not isinstance(value, float):
        return f"{value:,}" if _is_number(value) else str(value)
    if value != value:
        return "-"
    size = abs(value)
    return f"{value:,.0f}" if size >= 1000 else f"{value:.1f}" if size >= 100 else f"{value:.3g}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
