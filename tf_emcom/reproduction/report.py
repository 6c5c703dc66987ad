"""The tables and figures of a grid."""

from collections.abc import Sequence
from pathlib import Path

from tf_emcom import files
from tf_emcom.figures.curves import Series, draw_panels
from tf_emcom.reproduction.cell import Cell
from tf_emcom.reproduction.summary import Row, over_seeds, results
from tf_emcom.reproduction.table import Table


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
    _draw_learning(over_seeds(_curves(runs, transfers), ("task", "speaker", "step"), "value"), folder / "figures")
    path = str(folder / "results.md")
    files.write_whole(path, "\n".join(["# Results", "", *(table.as_markdown() for table in tables)]))
    return path


def _of_games(runs: str, cells: Sequence[Cell]) -> list[Table]:
    def table(test: str, title: str, pages: Sequence[str], across: str, value: str = "accuracy") -> Table:
        # What is told position by position has no place in a table of runs.
        texts = [across] if across in ("meaning", "measure") else []
        numbers = [*pages, value, *([] if texts else [across])]
        found = [row for row in results(runs, cells, test, numbers, texts) if "position" not in row]
        rows = over_seeds(found, (*pages, "game", across), value)
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
    # The same for all speakers, so that one of them will do.
    first = rows[0]["speaker"] if rows else None
    silent = [
        {**row, "speaker": "without message", "result": row["without_message"]}
        for row in rows
        if row["speaker"] == first
    ]
    keys = ("noise", "task", "speaker")
    transfer = over_seeds([*rows, *silent], keys, "result")
    areas = [
        {**row, "result": row["area"]}
        for cell in cells
        for row in results(runs, [cell], "ease_of_learning", ["area"])[-1:]
    ]
    return [
        Table("transfer", "Transfer to a new listener, by channel noise", transfer, ("noise",), "task", "speaker"),
        Table(
            "ease_of_learning",
            "Ease of learning: mean of the learning curve over the steps (accuracy; loss for reconstruction)",
            over_seeds(areas, ("task", "speaker"), "result"),
            (),
            "task",
            "speaker",
        ),
    ]


def _curves(runs: str, cells: Sequence[Cell]) -> list[Row]:
    rows = results(runs, cells, "ease_of_learning", ["step"])
    return [{**row, "value": row.get("accuracy", row.get("loss"))} for row in rows]


def _draw(table: Table, path: str) -> None:
    """One picture side by side for each page, one curve for each name down."""
    panels: dict[str, list[Series]] = {}
    for page, rows in table.by_page().items():
        title = ", ".join(f"{key} {value:g}" for key, value in zip(table.pages, page, strict=True))
        panels[title] = _series(rows, table.down, table.across)
    draw_panels(panels, table.across.replace("_", " "), "accuracy", path, legend=table.down)


def _draw_learning(rows: list[Row], folder: Path) -> None:
    """A picture for each task: losses and accuracies have no axis in common."""
    for task in dict.fromkeys(row["task"] for row in rows):
        series = _series([row for row in rows if row["task"] == task], "speaker", "step")
        path = str(folder / f"ease_of_learning_{task}.png")
        draw_panels({task: series}, "step", "loss" if task == "reconstruction" else "accuracy", path, legend="speaker")


def _series(rows: list[Row], down: str, across: str) -> list[Series]:
    found = []
    for name in dict.fromkeys(row[down] for row in rows):
        curve = sorted((row for row in rows if row[down] == name), key=lambda row: row[across])
        spreads = [row["deviation"] or 0.0 for row in curve]
        means = [row["mean"] for row in curve]
        intervals = [(mean - spread, mean + spread) for mean, spread in zip(means, spreads, strict=True)]
        found.append(Series(str(name), [row[across] for row in curve], means, intervals))
    return found
