"""Figures and tables of tests by accuracy."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from tf_emcom.evaluation.results import by_agents
from tf_emcom.plots import GREY, Mark, shades
from tf_emcom.tools.report.blocks import Cell, Entry, Figure, Missing, Table, left_out, number, spread
from tf_emcom.tools.report.drawing import Curve, Panel, draw
from tf_emcom.tools.report.run import Row, Run

_MOST_COLUMNS = 3  # of plots
_MOST_ROWS = 16  # of a table that is not folded away


class Test(NamedTuple):
    """A test by accuracy.

    Attributes:
      mode: its name.
      across: the field that runs along x.
      x_label: the name of that axis, with its unit.
      beside: a second field; None where there is none.
    """

    __test__ = False  # Not a test case, whatever its name says to a test runner.
    mode: str
    across: str
    x_label: str
    beside: str | None = None

    @property
    def keys(self) -> list[str]:
        """The fields that distinguish its cells."""
        return ["candidates", *([self.beside] if self.beside else []), self.across]


class Result(NamedTuple):
    """The rows about all agents of a run: its only pair, the average of its pairs, or votes."""

    run: Run
    agents: str
    rows: list[Row]

    @property
    def name(self) -> str:
        """Of the run, and of which agents in it."""
        return f"{self.run.name} ({self.agents})" if self.agents else self.run.name

    @property
    def mark(self) -> Mark:
        """Of its curves; votes are dotted."""
        return self.mark_of_agents(self.run.mark)

    def mark_of_agents(self, mark: Mark) -> Mark:
        """A mark, dotted for votes."""
        return mark.dotted if self.agents == "vote" else mark


def results_of(
    runs: Sequence[Run], mode: str, keys: Sequence[str], expected: Callable[[Run], bool]
) -> tuple[list[Result], list[object]]:
    """The results of runs in a test, and notes about lines that cannot be read and about `expected` runs without it."""
    results: list[Result] = []
    notes: list[object] = []
    for run in runs:
        lines = run.evaluation(mode, [*keys, "accuracy"])
        results += [Result(run, *found) for found in by_agents(lines.rows, keys, "accuracy").items()]
        notes += left_out(run.name, f"eval/{mode}.jsonl", lines.left_out)
        if not lines.rows and expected(run):
            notes.append(missing(run, mode))
    return results, notes


def accuracy_blocks(runs: Sequence[Run], test: Test) -> Iterator[object]:
    """What the runs reach, which of them were not tested, and what could not be read."""
    results, notes = results_of(runs, test.mode, test.keys, lambda run: not run.transfers and not run.names)
    yield from notes
    if results:
        # Among several runs, a run keeps its colour and its column, also if no other was tested.
        alone = len(runs) == 1
        yield _figure_of_one(results, test) if alone else _figure_of_several(results, test)
        yield _table_of_one(results, test) if alone else _table_of_several(results, test)


def missing(run: Run, mode: str) -> Missing:
    """A note about a run without that test."""
    sentence = f"{run.name} has no eval/{mode}.jsonl; this command makes it:"
    return Missing(sentence, "bin/evaluate", f"--workdir={run.path}", f"--mode={mode}")


def _figure_of_one(results: Sequence[Result], test: Test) -> Figure:
    """Curves by number of candidates, a panel for each value of the second field."""
    marks = shades(_values(results, "candidates"))
    panels: dict[str, list[Curve]] = {}
    for each in results:
        for beside in _besides([each], test):
            for count in _values([each], "candidates"):
                chosen = _chosen(each, test, beside, count)
                curve = curve_of(chosen, test.across, each.mark_of_agents(marks[count]))
                panels.setdefault(_title(beside, test), []).append(curve)
    levels = [(1.0 / count, mark.colour) for count, mark in marks.items()]
    legend = [Entry(mark, f"{count:,} candidates") for count, mark in marks.items()]
    drawn = [_panel(test, title, curves, levels) for title, curves in panels.items()]
    return _figure(drawn, legend, results, len(drawn))


def _figure_of_several(results: Sequence[Result], test: Test) -> Figure:
    """Curves by run, a panel for each number of candidates and value of the second field."""
    drawn: list[Panel] = []
    counts = _values(results, "candidates")
    for beside in _besides(results, test):
        for count in counts:
            title = ", ".join(filter(None, (f"{count:,} candidates", _title(beside, test))))
            chosen = [(each, _chosen(each, test, beside, count)) for each in results]
            curves = [curve_of(rows, test.across, each.mark) for each, rows in chosen if rows]
            if curves:
                drawn.append(_panel(test, title, curves, [(1.0 / count, GREY)]))
    return _figure(drawn, [Entry(each.mark, each.name) for each in results], results, len(counts))


def _panel(test: Test, title: str, curves: Sequence[Curve], levels: Sequence[tuple[float, str]]) -> Panel:
    return Panel(curves, test.x_label, "accuracy", title, (0.0, 1.0), levels)


def _figure(drawn: Sequence[Panel], legend: list[Entry], results: Sequence[Result], columns: int) -> Figure:
    wide = len(drawn) == 1
    # Four in two rows of two, and not one alone below three.
    columns = 2 if columns == len(drawn) == 4 else min(columns, _MOST_COLUMNS)
    bands = "Bands: 95 % intervals."
    if any("pairs" in row for row in _all(results)):
        bands = "Bands: 95 % intervals; of independent pairs, the mean ± standard deviation (n − 1) between them."
    votes = " Dotted curves: the vote of all listeners." if any(each.agents == "vote" for each in results) else ""
    caption = f"Test accuracy of greedy agents. {bands} Dotted lines: chance, 1 / candidates.{votes}"
    return Figure([draw(panel, wide) for panel in drawn], legend, caption, wide, columns)


def _table_of_one(results: Sequence[Result], test: Test) -> Table:
    """Candidates by what runs along x."""
    columns = _values(results, test.across)
    several = len(results) > 1
    rows: list[list[Cell]] = []
    for each in results:
        for beside in _besides([each], test):
            for count in _values([each], "candidates"):
                found = {row[test.across]: row for row in _chosen(each, test, beside, count)}
                first = [Cell(f"{count:,}"), *([Cell(f"{beside:g}")] if test.beside else [])]
                agents = [Cell(each.agents)] if several else []
                rows.append([*agents, *first, *(accuracy_cell(found.get(value)) for value in columns)])
    down = [*(["agents"] if several else []), "candidates", *([_words(test.beside)] if test.beside else [])]
    heads = [*down, *(f"{_words(test.across)} {value:g}" for value in columns)]
    return Table(_table_caption(results), heads, rows, headed=len(down))


def _table_of_several(results: Sequence[Result], test: Test) -> Table:
    """One line for each cell, one column for each run."""
    cells = [{tuple(row[key] for key in test.keys): row for row in each.rows} for each in results]
    places = sorted({place for found in cells for place in found})
    rows = [
        [*(Cell(f"{value:g}") for value in place), *(accuracy_cell(found.get(place)) for found in cells)]
        for place in places
    ]
    heads = [*map(_words, test.keys), *(each.name for each in results)]
    folded = "Numbers of the curves" if len(rows) > _MOST_ROWS else ""
    return Table(_table_caption(results), heads, rows, headed=len(test.keys), summary=folded)


def _table_caption(results: Sequence[Result]) -> str:
    """What the table holds: intervals, split, games, inputs, and the channel and views as far as rows have them."""
    rows = _all(results)
    sure = ""
    if any("pairs" in row for row in rows):
        sure = " or, of independent pairs, ± their standard deviation (n − 1)"
    games = f", {played} games a cell" if (played := _from_to(rows, "games")) else ""
    about = f" about {inputs} inputs" if (inputs := _from_to(rows, "inputs")) else ""
    how = ""
    for key in ("channel", "views"):
        if found := sorted({str(row[key]) for row in rows if key in row}):
            how += f"; {key}: {' and '.join(found)}"
    return f"Test accuracy, with 95 % intervals{sure}; {rows[0].get('split', 'test')} split{games}{about}{how}."


def _from_to(rows: Iterable[Row], key: str) -> str:
    values = sorted({row[key] for row in rows if isinstance(row.get(key), int)})
    return " to ".join(f"{value:,}" for value in dict.fromkeys([*values[:1], *values[-1:]]))


def accuracy_cell(row: Row | None) -> Cell:
    """The accuracy of a row with its interval or deviation; a dash where there is none."""
    return Cell("–") if row is None else number(row["accuracy"], note=spread(row))


def curve_of(rows: Iterable[Row], across: str, mark: Mark) -> Curve:
    """Accuracies with their intervals, in the order of a field."""
    ordered = sorted(rows, key=lambda row: row[across])
    bands = [tuple(row.get("interval") or [row["accuracy"]] * 2) for row in ordered]
    x, y = ([row[key] for row in ordered] for key in (across, "accuracy"))
    return Curve(x, y, mark, bands)


def _chosen(result: Result, test: Test, beside: float | None, count: float) -> list[Row]:
    found = [row for row in result.rows if row["candidates"] == count]
    return [row for row in found if not test.beside or row[test.beside] == beside]


def _all(results: Iterable[Result]) -> list[Row]:
    return [row for each in results for row in each.rows]


def _values(results: Iterable[Result], key: str) -> list[float]:
    return sorted({row[key] for row in _all(results)})


def _besides(results: Iterable[Result], test: Test) -> list[float | None]:
    return _values(results, test.beside) if test.beside else [None]


def _title(beside: float | None, test: Test) -> str:
    return "" if test.beside is None else f"{_words(test.beside)} {beside:g}"


def _words(key: str | None) -> str:
    return (key or "").replace("_", " ")
