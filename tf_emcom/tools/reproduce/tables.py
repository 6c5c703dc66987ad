"""Tables and figures of a grid."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tf_emcom import files
from tf_emcom.evaluation.results import markdown_table
from tf_emcom.plots import Series, draw_panels
from tf_emcom.runtime.evaluation_rows import grouped
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.tools.reproduce import published
from tf_emcom.tools.reproduce.claims import COLUMNS, Statement, claims_markdown, examined
from tf_emcom.tools.reproduce.grid import Cell
from tf_emcom.tools.reproduce.kinds import KINDS
from tf_emcom.tools.reproduce.measured import learning_curves, measured, over_seeds, training_curves
from tf_emcom.tools.reproduce.published import Published, published_markdown
from tf_emcom.tools.reproduce.settings import settings_markdown

Row = dict[str, Any]

_SUMMARY = ("mean", "deviation", "standard_error", "interquartile_mean", "low", "high", "seeds")
_MOST_WITH_INTERVALS = 5  # columns; a wider table would be too wide
_HOW_TO_READ = (
    "± is the standard deviation between seeds (n − 1). Intervals are 95 % percentile bootstrap intervals of the mean"
    " over seeds (Agarwal et al., NeurIPS 2021). With few seeds they are too narrow: of normally distributed results"
    " they hold the true mean in about 75 of 100 cases with 3 seeds, in 83 with 5, and in 91 with 10. CSV files have"
    " standard errors and interquartile means as well; bands in figures are the intervals."
)


class Table(NamedTuple):
    """Summaries and their layout: one page for each combination of the keys `pages`, `down` by `across` on each."""

    name: str  # of its files
    title: str
    rows: list[Row]  # the keys below, and a summary over seeds
    pages: Sequence[str]
    down: str
    across: str

    def as_csv(self) -> str:
        """One line for each summary; what is not defined for one seed is empty."""
        return _csv([*self.pages, self.down, self.across, *_SUMMARY], self.rows)

    def as_markdown(self) -> str:
        """Mean ± standard deviation over seeds, and intervals where the table is narrow enough."""
        lines = [f"## {self.title}", "", self._what_cells_say()]
        for page, rows in grouped(self.pages, self.rows).items():
            heads = list(dict.fromkeys(row[self.across] for row in rows))
            cells = {(row[self.down], row[self.across]): self._cell(row) for row in rows}
            lines.append("")
            if page:
                lines += [", ".join(f"{_words(k)} {_show(v)}" for k, v in zip(self.pages, page, strict=True)), ""]
            names = dict.fromkeys(row[self.down] for row in rows)
            table = [[_show(name), *(cells.get((name, head), "") for head in heads)] for name in names]
            lines.append(markdown_table([_words(self.down), *map(self._head, heads)], table))
        return "\n".join(lines) + "\n"

    def _what_cells_say(self) -> str:
        counts = self._counts()
        many = f"{counts[0]} seed{'' if counts == [1] else 's'}"
        if len(counts) > 1:
            many = f"n seeds, {counts[0]} to {counts[-1]}"
        if counts[-1] == 1:
            return f"Of {many}."
        if self._has_intervals():
            return f"Mean ± standard deviation (n − 1) over {many} [95 % interval of the mean]."
        return f"Mean ± standard deviation (n − 1) over {many}; tables/{self.name}.csv has 95 % intervals of the mean."

    def _counts(self) -> list[int]:
        return sorted({row["seeds"] for row in self.rows})

    def _has_intervals(self) -> bool:
        return len({row[self.across] for row in self.rows}) <= _MOST_WITH_INTERVALS

    def _cell(self, row: Row) -> str:
        digits = 3 if abs(row["mean"]) < 100 else 1
        text = f"{row['mean']:.{digits}f}"
        if row["deviation"] is not None:
            text += f" ± {row['deviation']:.{digits}f}"
            if self._has_intervals():
                text += f" [{row['low']:.{digits}f}, {row['high']:.{digits}f}]"
        return f"{text}, n = {row['seeds']}" if len(self._counts()) > 1 else text

    def _head(self, value: object) -> str:
        # A number alone would not say what it is.
        return f"{_words(self.across)} {value:g}" if isinstance(value, int | float) else str(value)


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _show(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _words(key: str) -> str:
    return key.replace("_", " ")


def write_report(
    out: str,
    runs: str,
    games: Sequence[Cell],
    transfers: Sequence[Cell],
    claims: Sequence[Statement] = (),
    beside: Sequence[Published] = (),
    further: Mapping[str, str] | None = None,
    best_of: Sequence[str] = (),
) -> str:
    """Writes tables/*.csv, tables/*.md, figures/*.png and results.md, which has all tables; returns its path.

    It only reads what the runs have written. `beside` are numbers of papers; `further` and `best_of` as for `measured`.

    Raises:
      UserError: a run's file is damaged, a claim compares more than one value of a seed, or nothing can be written.
    """
    folder = Path(out)
    rows = measured(runs, games, transfers, further, best_of)
    tables = [table for table in (*_of_games(rows, further or {}), *_of_transfers(rows)) if table.rows]
    curves = {
        "training": over_seeds(training_curves(runs, games, RunFolder.read_metrics), ("game", "step"), "accuracy"),
        "validation": over_seeds(training_curves(runs, games, RunFolder.read_validation), ("game", "step"), "accuracy"),
    }
    learning = learning_curves(runs, transfers)
    parts = ["# Results", "", _what_was_run(runs, games, transfers, rows), _HOW_TO_READ, ""]
    pages = []
    if found := examined(claims, rows):
        pages.append(("claims", _csv(COLUMNS, found), claims_markdown(found)))
    if known := [row for each in beside for row in each.beside(rows.get(each.table, ()))]:
        pages.append(("published", _csv(published.COLUMNS, known), published_markdown(known)))
    pages += [(table.name, table.as_csv(), table.as_markdown()) for table in tables]
    for name in ("tables", "figures"):
        with files.file_errors(str(folder / name)):
            (folder / name).mkdir(parents=True, exist_ok=True)
    for page in pages:
        _write(folder, *page)
    for table in tables:
        places = {row[table.across] for row in table.rows}
        # A curve has more than one point.
        if len(places) > 1 and all(isinstance(place, int | float) for place in places) and table.name not in curves:
            _draw(table, str(folder / "figures" / f"{table.name}.png"))
    for name, of_games in curves.items():
        if of_games:
            path = str(folder / "figures" / f"{name}.png")
            draw_panels({name: _series(of_games, "game", "step")}, "step", "accuracy", path, legend="game")
    _draw_learning(learning, folder / "figures")
    path = str(folder / "results.md")
    files.write_whole(path, "\n".join([*parts, *(as_markdown for _, _, as_markdown in pages)]))
    return path


def _write(folder: Path, name: str, as_csv: str, as_markdown: str) -> None:
    files.write_whole(str(folder / "tables" / f"{name}.csv"), as_csv)
    files.write_whole(str(folder / "tables" / f"{name}.md"), as_markdown)


def _what_was_run(runs: str, games: Sequence[Cell], transfers: Sequence[Cell], rows: Mapping[str, list[Row]]) -> str:
    tested = [row for name in KINDS for row in rows[name]]
    parts = ["## What was run", "", settings_markdown(runs, games, tested, "game")]
    if transfers:
        parts.append(settings_markdown(runs, transfers, rows["transfer"], "task"))
    return "\n".join(parts)


def _of_games(found: Mapping[str, list[Row]], further: Mapping[str, str]) -> list[Table]:
    last = over_seeds(found["training"], ("game", "step"), "accuracy")
    tables = [Table("training", "Accuracy in training, before the last step", last, (), "game", "step")]
    for name, mode in {**{mode: mode for mode in KINDS}, **further}.items():
        kind, rows = KINDS[mode], found[name]
        pages, across = _laid_out(rows, kind.pages, kind.across)
        title = kind.title if across == kind.across else f"Accuracy by {_words(across)}"
        title = title if name == mode else f"{_words(name).capitalize()}: {title[0].lower()}{title[1:]}"
        summaries = over_seeds(rows, (*pages, "game", across), kind.value)
        tables.append(Table(name, title, summaries, pages, "game", across))
        if name == "testinput":
            drops = over_seeds(found["robustness"], (*kind.pages, "game", kind.across), "drop")
            title = "Robustness: accuracy lost by noise on the inputs"
            tables.append(Table("robustness", title, drops, kind.pages, "game", kind.across))
    return tables


def _laid_out(rows: Sequence[Row], pages: Sequence[str], across: str) -> tuple[Sequence[str], str]:
    """The pages and what runs across; the last field of the pages takes its place if that alone has several values."""
    several = [len({row[field] for row in rows}) > 1 for field in (*pages[-1:], across)]
    return ((*pages[:-1], across), pages[-1]) if several == [True, False] else (pages, across)


def _of_transfers(found: Mapping[str, list[Row]]) -> list[Table]:
    def by_noise(name: str, title: str) -> Table:
        rows = [{**row, "task": _task(row), "result": row.get(row["metric"])} for row in found[name]]
        summaries = over_seeds(rows, ("noise", "task", "speaker"), "result")
        return Table(name, title, summaries, ("noise",), "task", "speaker")

    learning = over_seeds(found["ease_of_learning"], ("task", "speaker"), "area")
    title = "Ease of learning: mean of the learning curve over the steps (accuracy; loss for reconstruction)"
    attributes = over_seeds(found["by_attribute"], ("noise", "task", "attribute", "speaker"), "accuracy")
    return [
        by_noise("transfer", "Transfer to a new listener, by channel noise"),
        by_noise("top5", "Transfer to a new listener, the right class among its five best, by channel noise"),
        Table("by_attribute", "Accuracy of each attribute", attributes, ("noise", "task"), "attribute", "speaker"),
        Table("ease_of_learning", title, learning, (), "task", "speaker"),
    ]


def _task(row: Row) -> str:
    where = f", {row['candidates']} candidates" if "candidates" in row else ""
    return f"{row['task']}{where} ({row['metric']})"


def _draw(table: Table, path: str) -> None:
    """One panel for each page, one curve for each name down."""
    panels: dict[str, list[Series]] = {}
    for page, rows in grouped(table.pages, table.rows).items():
        title = ", ".join(f"{key} {value:g}" for key, value in zip(table.pages, page, strict=True))
        panels[title] = _series(rows, table.down, table.across)
    lost = table.name == "robustness"
    draw_panels(panels, _words(table.across), "accuracy lost" if lost else "accuracy", path, legend=table.down)


def _draw_learning(rows: list[Row], folder: Path) -> None:
    """A picture for each task, since losses and accuracies have different axes."""
    for (task,), curves in grouped(["task"], over_seeds(rows, ("task", "speaker", "step"), "value")).items():
        series = _series(curves, "speaker", "step")
        path = str(folder / f"ease_of_learning_{task}.png")
        what = "loss" if task.startswith("reconstruction") else "accuracy"
        draw_panels({task: series}, "step", what, path, legend="speaker")


def _series(rows: list[Row], down: str, across: str) -> list[Series]:
    """The means, and around them their intervals; of one seed there is none."""
    found = []
    for (name,), curve in grouped([down], rows).items():
        curve.sort(key=lambda row: row[across])
        means = [row["mean"] for row in curve]
        ends = [(row["mean"], row["mean"]) if row["low"] is None else (row["low"], row["high"]) for row in curve]
        found.append(Series(str(name), [row[across] for row in curve], means, ends))
    return found
