"""Tables and figures of a grid."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.evaluation.results import deviation, markdown_table, whole_rows
from tf_emcom.plots import Series, draw_panels
from tf_emcom.runtime.evaluation_rows import grouped, of_the_run
from tf_emcom.tools.reproduce.grid import Cell

Row = dict[str, Any]


def results(
    runs: str, cells: Iterable[Cell], file: str, numbers: Sequence[str] = (), texts: Sequence[str] = ()
) -> list[Row]:
    """The rows of eval/<file>.jsonl of the cells' runs about all agents of a run, with the labels of their run.

    For a population these are its averages. Runs without that file have no rows.

    Raises:
      UserError: a file is damaged, or a field is not a number, null or, of `texts`, a text in all of these rows.
    """
    rows = []
    for cell in cells:
        path = Path(runs) / cell.name / "eval" / f"{file}.jsonl"
        if path.exists():
            fix = f"remove {path.parent.parent}/finished.json and run the same command again, which tests it again"
            found = whole_rows(of_the_run(files.read_json_lines(str(path), fix)))
            found = [row for row in found if row.get("ensemble") != "vote"]
            kinds = {**dict.fromkeys(numbers, int | float | None), **dict.fromkeys(texts, str)}
            for key, kind in kinds.items():
                if not all(isinstance(row.get(key, ...), kind) for row in found):
                    raise UserError(f"{path} is damaged (a line has no {key}); {fix}.")
            # Results are averaged over the seeds of training, not of the test; each independent pair has its own.
            trained = [{"seed": row["training_seed"]} if "training_seed" in row else {} for row in found]
            rows += [{**row, **cell.labels, **seed} for row, seed in zip(found, trained, strict=True)]
    return rows


def over_seeds(rows: Iterable[Row], keys: Sequence[str], value: str) -> list[Row]:
    """Mean and standard deviation over seeds of `value`, for every combination of the keys, in order of appearance.

    The deviation is that of a sample (divided by n − 1), and None for one seed. A value that a run lacks is left out.

    Raises:
      UserError: a seed has two values under the same keys, which would be counted as two seeds.
    """
    found = []
    for same in grouped(keys, (row for row in rows if row.get(value) is not None)).values():
        for (seed,), own in grouped(["seed"], same).items():
            if len(own) > 1:
                many = f"Seed {seed} has more than one {value} by {', '.join(keys)}"
                raise UserError(f"{many}: {own[1]}; test that run again.")
        values = [row[value] for row in same]
        summary = {"mean": float(np.mean(values)), "deviation": deviation(values), "seeds": len(same)}
        found.append({**{key: same[0].get(key) for key in keys}, **summary})
    return found


class Table(NamedTuple):
    """Summaries and their layout: one page for each combination of the keys `pages`, `down` by `across` on each."""

    name: str  # of its files
    title: str
    rows: list[Row]  # over seeds: the keys below, mean, deviation, seeds
    pages: Sequence[str]
    down: str
    across: str

    def as_csv(self) -> str:
        """One line for each summary."""
        text = io.StringIO()
        writer = csv.DictWriter(text, [*self.pages, self.down, self.across, "mean", "deviation", "seeds"])
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    def as_markdown(self) -> str:
        """Mean ± standard deviation over seeds."""
        lines = [f"## {self.title}", "", f"Mean ± standard deviation (n − 1) over {self._seeds()}."]
        for page, rows in grouped(self.pages, self.rows).items():
            heads = list(dict.fromkeys(row[self.across] for row in rows))
            cells = {(row[self.down], row[self.across]): _cell(row) for row in rows}
            lines.append("")
            if page:
                lines += [", ".join(f"{_words(k)} {_show(v)}" for k, v in zip(self.pages, page, strict=True)), ""]
            names = dict.fromkeys(row[self.down] for row in rows)
            table = [[_show(name), *(cells.get((name, head), "") for head in heads)] for name in names]
            lines.append(markdown_table([_words(self.down), *map(self._head, heads)], table))
        return "\n".join(lines) + "\n"

    def _head(self, value: object) -> str:
        # A number alone would not say what it is.
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


def write_report(out: str, runs: str, games: Sequence[Cell], transfers: Sequence[Cell]) -> str:
    """Writes tables/*.csv, tables/*.md, figures/*.png and results.md, which has all tables; returns its path."""
    folder = Path(out)
    for name in ("tables", "figures"):
        with files.file_errors(str(folder / name)):
            (folder / name).mkdir(parents=True, exist_ok=True)
    tables = [table for table in (*_of_games(runs, games), *_of_transfers(runs, transfers)) if table.rows]
    for table in tables:
        files.write_whole(str(folder / "tables" / f"{table.name}.csv"), table.as_csv())
        files.write_whole(str(folder / "tables" / f"{table.name}.md"), table.as_markdown())
        if all(isinstance(row[table.across], int | float) for row in table.rows):
            _draw(table, str(folder / "figures" / f"{table.name}.png"))
    _draw_learning(results(runs, transfers, "ease_of_learning", ["step"]), folder / "figures")
    path = str(folder / "results.md")
    files.write_whole(path, "\n".join(["# Results", "", *(table.as_markdown() for table in tables)]))
    return path


def _of_games(runs: str, cells: Sequence[Cell]) -> list[Table]:
    def table(test: str, title: str, pages: Sequence[str], across: str, value: str = "accuracy") -> Table:
        texts = [across] if across in ("meaning", "measure") else []
        numbers = [*pages, value, *([] if texts else [across])]
        rows = over_seeds(results(runs, cells, test, numbers, texts), (*pages, "game", across), value)
        return Table(test, title, rows, pages, "game", across)

    return [
        table("testchannel", "Accuracy by channel noise", ("candidates",), "noise"),
        table("testmessage", "Accuracy by number of erased symbols", ("candidates",), "erased"),
        table("testinput", "Accuracy by input noise", ("noise", "candidates"), "input_noise"),
        table("testtopsim", "Topographic similarity", (), "meaning", "topsim"),
        table("testlanguage", "Language measures", (), "measure", "value"),
    ]


def _of_transfers(runs: str, cells: Sequence[Cell]) -> list[Table]:
    rows = results(runs, cells, "test", ["without_message"])
    for row in rows:
        where = f", {row['candidates']} candidates" if "candidates" in row else ""
        row["metric"] = "accuracy" if "accuracy" in row else "loss"
        row["task"] = f"{row['task']}{where} ({row['metric']})"
        row["result"] = row.get(row["metric"])
    # It is the same for all speakers, so one of them is enough.
    of_one = [row for row in rows if row["speaker"] == rows[0]["speaker"]]
    silent = [{**row, "speaker": "without message", "result": row["without_message"]} for row in of_one]
    transfer = over_seeds([*rows, *silent], ("noise", "task", "speaker"), "result")
    areas = [row for cell in cells for row in results(runs, [cell], "ease_of_learning", ["area"])[-1:]]
    learning = over_seeds(areas, ("task", "speaker"), "area")
    title = "Ease of learning: mean of the learning curve over the steps (accuracy; loss for reconstruction)"
    return [
        Table("transfer", "Transfer to a new listener, by channel noise", transfer, ("noise",), "task", "speaker"),
        Table("ease_of_learning", title, learning, (), "task", "speaker"),
    ]


def _draw(table: Table, path: str) -> None:
    """One panel for each page, one curve for each name down."""
    panels: dict[str, list[Series]] = {}
    for page, rows in grouped(table.pages, table.rows).items():
        title = ", ".join(f"{key} {value:g}" for key, value in zip(table.pages, page, strict=True))
        panels[title] = _series(rows, table.down, table.across)
    draw_panels(panels, _words(table.across), "accuracy", path, legend=table.down)


def _draw_learning(rows: list[Row], folder: Path) -> None:
    """A picture for each task, since losses and accuracies have different axes."""
    rows = [{**row, "value": row.get("accuracy", row.get("loss"))} for row in rows]
    for (task,), curves in grouped(["task"], over_seeds(rows, ("task", "speaker", "step"), "value")).items():
        series = _series(curves, "speaker", "step")
        path = str(folder / f"ease_of_learning_{task}.png")
        draw_panels({task: series}, "step", "loss" if task == "reconstruction" else "accuracy", path, legend="speaker")


def _series(rows: list[Row], down: str, across: str) -> list[Series]:
    found = []
    for (name,), curve in grouped([down], rows).items():
        curve.sort(key=lambda row: row[across])
        spreads = [row["deviation"] or 0.0 for row in curve]
        means = [row["mean"] for row in curve]
        intervals = [(mean - spread, mean + spread) for mean, spread in zip(means, spreads, strict=True)]
        found.append(Series(str(name), [row[across] for row in curve], means, intervals))
    return found
