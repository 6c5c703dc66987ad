"""A table of the tests of many runs."""

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

from tf_emcom.reproduction.summary import Row


class Table(NamedTuple):
    """Summaries, and how to lay them out: one page for each combination of `pages`, `down` by `across` on each.

    Attributes:
      name: of its files.
      title: what it shows.
      rows: summaries over seeds: the keys below, mean, deviation, seeds.
      pages: keys.
      down: a key.
      across: a key.
    """

    name: str
    title: str
    rows: list[Row]
    pages: Sequence[str]
    down: str
    across: str

    def by_page(self) -> dict[tuple, list[Row]]:
        """The rows of each page, by the values of its keys, in order of appearance."""
        pages: dict[tuple, list[Row]] = {}
        for row in self.rows:
            pages.setdefault(tuple(row[key] for key in self.pages), []).append(row)
        return pages

    def as_csv(self) -> str:
        """One line a summary."""
        text = io.StringIO()
        writer = csv.DictWriter(text, [*self.pages, self.down, self.across, "mean", "deviation", "seeds"])
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    def as_markdown(self) -> str:
        """Mean ± standard deviation over seeds."""
        lines = [f"## {self.title}", "", f"Mean ± standard deviation over {self._seeds()}."]
        for page, rows in self.by_page().items():
            heads = list(dict.fromkeys(row[self.across] for row in rows))
            cells = {(row[self.down], row[self.across]): _cell(row) for row in rows}
            lines.append("")
            if page:
                lines += [", ".join(f"{_words(k)} {_show(v)}" for k, v in zip(self.pages, page, strict=True)), ""]
            lines.append(f"| {_words(self.down)} | {' | '.join(self._head(head) for head in heads)} |")
            lines.append("|---" * (len(heads) + 1) + "|")
            for name in dict.fromkeys(row[self.down] for row in rows):
                values = " | ".join(cells.get((name, head), "") for head in heads)
                lines.append(f"| {_show(name)} | {values} |")
        return "\n".join(lines) + "\n"

    def _head(self, value: object) -> str:
        # A bare number says nothing by itself.
        return f"{_words(self.across)} {value:g}" if isinstance(value, int | float) else str(value)

    def _seeds(self) -> str:
        counts = sorted({row["seeds"] for row in self.rows})
        many = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        return f"{many} seed{'' if counts == [1] else 's'}"


def _cell(row: Row) -> str:
    digits = 3 if abs(row["mean"]) < 100 else 1
    spread = "" if row["deviation"] is None else f" ± {row['deviation']:.{digits}f}"
    return f"{row['mean']:.{digits}f}{spread}"


def _show(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _words(key: str) -> str:
    return key.replace("_", " ")
