"""Which lines of a test stand for the whole run."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tf_emcom.evaluation.results import deviation
from tf_emcom.tools.report.blocks import Cell, Entry, Figure, Missing, Table, left_out, number, spread
from tf_emcom.tools.report.drawing import Curve, Mark, Panel, draw, shades
from tf_emcom.tools.report.run import Row, Run


def of_the_run(rows: Sequence[Row], keys: Sequence[str], value: str) -> dict[str, list[Row]]:
    """The lines about all agents of a run, by what is told of them.

    Args:
      rows: all lines of a test, `speaker` and `listener` naming a pair, `ensemble` what several pairs are together.
      keys: what tells one cell of the test from the others.
      value: the key of what was measured.

    Returns:
      "" → the lines of the only pair, or means over independent pairs, with the `deviation` between them and how many
      `pairs` they are; of a population its "average" and, where listeners vote, its "vote".
    """
    whole = [row for row in rows if "ensemble" in row and "speaker" not in row]
    if whole:
        names = dict.fromkeys(row["ensemble"] for row in whole)
        return {name: [row for row in whole if row["ensemble"] == name] for name in names}
    if len({(row.get("speaker"), row.get("listener")) for row in rows}) <= 1:
        return {"": list(rows)}
    cells: dict[tuple, list[Row]] = {}
    for row in rows:
        cells.setdefault(tuple(row.get(key) for key in keys), []).append(row)
    return {"": [_mean(cell, value) for cell in cells.values()]}


def _mean(rows: list[Row], value: str) -> Row:
    values = [row[value] for row in rows]
    first = {key: kept for key, kept in rows[0].items() if key not in ("speaker", "listener", "training_seed", "games")}
    if None in values:
        return {**first, value: None, "deviation": None, "pairs": len(rows)}
    mean, spread = float(np.mean(values)), deviation(values) or 0.0
    interval = [mean - spread, mean + spread]
    return {**first, value: mean, "deviation": spread, "interval": interval, "pairs": len(rows)}


_MOST_COLUMNS = 3  # of plots
_MOST_ROWS = 16  # of a table that is not folded away


class Test(NamedTuple):
    """A test by accuracy.

    Attributes:
      mode: its name.
      across: the label that runs along x.
      x_label: what plots call it, with its unit.
      beside: a second label; None where there is none.
    """

    __test__ = False  # Not a test case, whatever its name says to a test runner.
    mode: str
    across: str
    x_label: str
    beside: str | None = None

    @property
    def keys(self) -> list[str]:
        """What tells one cell from the others."""
        return ["candidates", *([self.beside] if self.beside else []), self.across]


class Told(NamedTuple):
    """Lines that stand for a run: of its only pair, of the average of its pairs, or of votes."""

    run: Run
    agents: str
    rows: list[Row]

    @property
    def name(self) -> str:
        """Of the run, and of which agents in it."""
        return f"{self.run.name} ({self.agents})" if self.agents else self.run.name


def accuracy_blocks(runs: Sequence[Run], test: Test) -> Iterator[object]:
    """What the runs reach, which of them were not tested, and what could not be read."""
    file = f"eval/{test.mode}.jsonl"
    told: list[Told] = []
    for run in runs:
        lines = run.evaluation(test.mode, [*test.keys, "accuracy"])
        found = of_the_run(lines.rows, test.keys, "accuracy") if lines.rows else {}
        told += [Told(run, agents, rows) for agents, rows in found.items()]
        yield from left_out(run.name, file, lines.left_out)
        if not lines.rows and not run.transfers and not run.names:
            yield missing(run, test.mode)
    if told:
        # Where there are others, a run keeps its colour and its column, also if no other was tested.
        alone = len(runs) == 1
        yield _figure_of_one(told, test) if alone else _figure_of_several(told, test)
        yield _table_of_one(told, test) if alone else _table_of_several(told, test)


def missing(run: Run, mode: str) -> Missing:
    """What is said of a run that was not tested so."""
    sentence = f"{run.name} has no eval/{mode}.jsonl; this command makes it:"
    return Missing(sentence, "bin/evaluate", f"--workdir={run.path}", f"--mode={mode}")


def _figure_of_one(told: Sequence[Told], test: Test) -> Figure:
    """Curves by number of candidates, a panel for each value of the second label."""
    rows = [row for each in told for row in each.rows]
    marks = shades(_values(rows, "candidates"))
    panels: dict[str, list[Curve]] = {}
    for each in told:
        for beside in _besides(each.rows, test):
            title = _title(beside, test)
            for count in _values(each.rows, "candidates"):
                mark = marks[count].dashed if each.agents == "vote" else marks[count]
                chosen = _chosen(each.rows, test, beside, count)
                panels.setdefault(title, []).append(_curve(chosen, test, mark))
    levels = [(1.0 / count, mark.colour) for count, mark in marks.items()]
    legend = [Entry(mark, f"{count:,} candidates") for count, mark in marks.items()]
    return _figure(panels, {title: levels for title in panels}, legend, told, len(panels), test)


def _figure_of_several(told: Sequence[Told], test: Test) -> Figure:
    """Curves by run, a panel for each number of candidates and value of the second label."""
    panels: dict[str, list[Curve]] = {}
    levels: dict[str, list[tuple[float, str]]] = {}
    rows = [row for each in told for row in each.rows]
    counts = _values(rows, "candidates")
    for beside in _besides(rows, test):
        for count in counts:
            title = ", ".join(filter(None, (f"{count:,} candidates", _title(beside, test))))
            for each in told:
                mark = each.run.mark.dashed if each.agents == "vote" else each.run.mark
                if chosen := _chosen(each.rows, test, beside, count):
                    panels.setdefault(title, []).append(_curve(chosen, test, mark))
                    levels[title] = [(1.0 / count, "#808080")]
    legend = [Entry(each.run.mark.dashed if each.agents == "vote" else each.run.mark, each.name) for each in told]
    return _figure(panels, levels, legend, told, len(counts), test)


def _figure(
    panels: dict[str, list[Curve]],
    levels: dict[str, list[tuple[float, str]]],
    legend: list[Entry],
    told: Sequence[Told],
    columns: int,
    test: Test,
) -> Figure:
    drawn = [
        Panel(curves, test.x_label, "accuracy", title, (0.0, 1.0), levels[title]) for title, curves in panels.items()
    ]
    wide = len(drawn) == 1
    # Four in two rows of two, and not one alone below three.
    columns = 2 if columns == len(drawn) == 4 else min(columns, _MOST_COLUMNS)
    return Figure([draw(panel, wide) for panel in drawn], legend, _caption(told), wide, columns)


def _caption(told: Sequence[Told]) -> str:
    bands = "Bands: 95 % intervals."
    if any("pairs" in row for each in told for row in each.rows):
        bands = "Bands: 95 % intervals; of independent pairs, the mean ± standard deviation between them."
    votes = " Dotted curves: the vote of all listeners." if any(each.agents == "vote" for each in told) else ""
    return f"Test accuracy of greedy agents. {bands} Dotted lines: chance, 1 / candidates.{votes}"


def _table_of_one(told: Sequence[Told], test: Test) -> Table:
    """Candidates by what runs along x."""
    columns = _values([row for each in told for row in each.rows], test.across)
    several = len(told) > 1
    rows: list[list[Cell]] = []
    for each in told:
        for beside in _besides(each.rows, test):
            for count in _values(each.rows, "candidates"):
                found = {row[test.across]: row for row in _chosen(each.rows, test, beside, count)}
                first = [Cell(f"{count:,}"), *([Cell(f"{beside:g}")] if test.beside else [])]
                agents = [Cell(each.agents)] if several else []
                rows.append([*agents, *first, *(accuracy_cell(found.get(value)) for value in columns)])
    down = [*(["agents"] if several else []), "candidates", *([_words(test.beside)] if test.beside else [])]
    heads = [*down, *(f"{_words(test.across)} {value:g}" for value in columns)]
    return Table(_table_caption(told), heads, rows, headed=len(down))


def _table_of_several(told: Sequence[Told], test: Test) -> Table:
    """One line a cell, one column a run."""
    cells = [{tuple(row[key] for key in test.keys): row for row in each.rows} for each in told]
    places = sorted({place for found in cells for place in found})
    rows = [
        [*(Cell(f"{value:g}") for value in place), *(accuracy_cell(found.get(place)) for found in cells)]
        for place in places
    ]
    heads = [*map(_words, test.keys), *(each.name for each in told)]
    folded = "Numbers of the curves" if len(rows) > _MOST_ROWS else ""
    return Table(_table_caption(told), heads, rows, headed=len(test.keys), summary=folded)


def _table_caption(told: Sequence[Told]) -> str:
    rows = [row for each in told for row in each.rows]
    of_pairs = any("pairs" in row for row in rows)
    sure = " or, of independent pairs, ± their standard deviation" if of_pairs else ""
    played = sorted({row["games"] for row in rows if isinstance(row.get("games"), int)})
    most = f" to {played[-1]:,}" if len(played) > 1 else ""
    games = f", {played[0]:,}{most} games a cell" if played else ""
    inputs = sorted({row["inputs"] for row in rows if isinstance(row.get("inputs"), int)})
    about = f" about {inputs[0]:,}{f' to {inputs[-1]:,}' if len(inputs) > 1 else ''} inputs" if inputs else ""
    return f"Test accuracy, with 95 % intervals{sure}; {rows[0].get('split', 'test')} split{games}{about}{_how(rows)}."


def _how(rows: Sequence[Row]) -> str:
    """Through which channel the games were played and in how many views of noisy inputs, as far as lines say so."""
    channels = sorted({str(row["channel"]) for row in rows if "channel" in row})
    views = sorted({str(row["views"]) for row in rows if "views" in row})
    return "".join(
        f"; {name}: {' and '.join(found)}" for name, found in (("channel", channels), ("views", views)) if found
    )


def accuracy_cell(row: Row | None) -> Cell:
    """The accuracy of a line with how sure it is; a dash where there is none."""
    return Cell("–") if row is None else number(row["accuracy"], note=spread(row))


def _curve(rows: Iterable[Row], test: Test, mark: Mark) -> Curve:
    ordered = sorted(rows, key=lambda row: row[test.across])
    bands = [row.get("interval") or [row["accuracy"]] * 2 for row in ordered]
    x, y = ([row[key] for row in ordered] for key in (test.across, "accuracy"))
    return Curve(x, y, mark, [(low, high) for low, high in bands])


def _chosen(rows: Iterable[Row], test: Test, beside: float | None, count: float) -> list[Row]:
    return [row for row in rows if row["candidates"] == count and (not test.beside or row[test.beside] == beside)]


def _values(rows: Iterable[Row], key: str) -> list[float]:
    return sorted({row[key] for row in rows})


def _besides(rows: Iterable[Row], test: Test) -> list[float | None]:
    return _values(rows, test.beside) if test.beside else [None]


def _title(beside: float | None, test: Test) -> str:
    return "" if test.beside is None else f"{_words(test.beside)} {beside:g}"


def _words(key: str | None) -> str:
    return (key or "").replace("_", " ")
