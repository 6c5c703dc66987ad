"""Sections about accuracy."""

import abc
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tf_emcom.evaluation.results import by_agents
from tf_emcom.plots import DOTS, GREY, Mark, shades
from tf_emcom.tools.report.blocks import Entry, Figure, Table, accuracy, number, tested
from tf_emcom.tools.report.drawing import Curve, Panel, draw
from tf_emcom.tools.report.report import Section
from tf_emcom.tools.report.run import Row, Run

_MOST_COLUMNS = 3  # of plots
_MOST_ROWS = 16  # of a table that is not folded away


class Result(NamedTuple):
    """The rows about all agents of a run: its only pair, the average of its pairs, or votes."""

    name: str  # of the run, and of which agents in it
    mark: Mark  # of its curves; votes are dotted
    agents: str
    rows: list[Row]


class AccuracySection(Section, abc.ABC):
    """Results of a test by accuracy, for each number of candidates."""

    mode: str
    across: str  # the field that runs along x
    x_label: str
    beside = ""  # a second field; empty where there is none

    @property
    def keys(self) -> list[str]:
        """The fields that distinguish the test's cells."""
        return ["candidates", *([self.beside] if self.beside else []), self.across]

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        games = [run for run in runs if not run.transfers and not run.names]
        results, notes = _results(runs, self.mode, self.keys, games)
        yield from notes
        if results:
            # Among several runs, a run keeps its colour and its column, also if no other was tested.
            alone = len(runs) == 1
            yield self._figure(results, alone)
            yield self._table(results) if alone else _table_by_run(results, self.keys, _caption(results))

    def _figure(self, results: Sequence[Result], alone: bool) -> Figure:
        """A panel for each value of the second field: curves of a run by candidates, or for each of them by run."""
        counts = _values(results, "candidates")
        marks = shades(counts)
        panels: dict[tuple, list[Curve]] = {}
        for beside, each, count in itertools.product(self._besides(results), results, counts):
            if rows := self._chosen(each, beside, count):
                mark = marks[count]._replace(dash=each.mark.dash) if alone else each.mark
                panels.setdefault((beside, None if alone else count), []).append(_curve(rows, self.across, mark))
        drawn = []
        for beside, count in sorted(panels):
            title = [] if alone else [f"{count:,} candidates"]
            title += [f"{_words(self.beside)} {beside:g}"] if self.beside else []
            levels = [(1.0 / each, marks[each].colour) for each in counts] if alone else [(1.0 / count, GREY)]
            curves = panels[beside, count]
            drawn.append(Panel(curves, self.x_label, "accuracy", ", ".join(title), (0.0, 1.0), levels))
        legend = [Entry(mark, f"{count:,} candidates") for count, mark in marks.items()] if alone else results
        wide = len(drawn) == 1
        columns = len(drawn) if alone else len(counts)
        # Four in two rows of two, and not one alone below three.
        columns = 2 if columns == len(drawn) == 4 else min(columns, _MOST_COLUMNS)
        bands = "Bands: 95 % intervals."
        if any("pairs" in row for row in _all(results)):
            bands = "Bands: 95 % intervals; of independent pairs, the mean ± standard deviation (n − 1) between them."
        votes = " Dotted curves: the vote of all listeners." if any(each.agents == "vote" for each in results) else ""
        caption = f"Test accuracy of greedy agents. {bands} Dotted lines: chance, 1 / candidates.{votes}"
        return Figure([draw(panel, wide) for panel in drawn], legend, caption, wide, columns)

    def _table(self, results: Sequence[Result]) -> Table:
        """Candidates by what runs along x, for a single run."""
        columns = _values(results, self.across)
        rows = []
        for each in results:
            for beside, count in itertools.product(self._besides([each]), _values([each], "candidates")):
                found = {row[self.across]: row for row in self._chosen(each, beside, count)}
                first = [f"{count:,}", *([f"{beside:g}"] if self.beside else [])]
                agents = [each.agents] if len(results) > 1 else []
                rows.append([*agents, *first, *(accuracy(found.get(value)) for value in columns)])
        down = [*(["agents"] if len(results) > 1 else []), *map(_words, self.keys[:-1])]
        heads = [*down, *(f"{_words(self.across)} {value:g}" for value in columns)]
        return Table(_caption(results), heads, rows, headed=len(down))

    def _besides(self, results: Iterable[Result]) -> list[float | None]:
        return _values(results, self.beside) if self.beside else [None]

    def _chosen(self, result: Result, beside: float | None, count: float) -> list[Row]:
        found = [row for row in result.rows if row["candidates"] == count]
        return [row for row in found if not self.beside or row[self.beside] == beside]


class AccuracyByNoise(AccuracySection):
    """Results of the mode testchannel."""

    title = "Accuracy by candidates and channel noise"
    place = 40
    explanation = (
        "How often the listener finds the speaker's input among so many candidates, by the channel's noise, such as the"
        " probability that a symbol is erased."
    )
    mode, across, x_label = "testchannel", "noise", "channel noise"


class AccuracyByInputNoise(AccuracySection):
    """Results of the mode testinput."""

    title = "Accuracy by input noise"
    place = 60
    explanation = (
        "Speaker and listener see the same inputs with Gaussian noise, in standard deviations of the features: each"
        " with noise of its own (two views), or both with the same (one view). The channel has noise as well."
    )
    mode, across, x_label, beside = "testinput", "input_noise", "input noise (std. deviations)", "noise"


class AccuracyByErasedSymbols(AccuracySection):
    """Results of the mode testmessage."""

    title = "Accuracy by number of erased symbols"
    place = 50
    explanation = (
        "So many symbols are erased at random positions and all others arrive: the flatter the curve, the more a"
        " message repeats itself."
    )
    mode, across, x_label = "testmessage", "erased", "erased symbols"

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        yield from super().blocks(runs)
        if lost := [(run, row) for run in runs for row in self._lost(run)]:
            yield _erasure_figure(lost, alone=len(runs) == 1)
            length = max(len(row["accuracy_lost"]) for _, row in lost)
            rows = [[run.name, f"{row['candidates']:,}", *map(number, row["accuracy_lost"])] for run, row in lost]
            heads = ["run", "candidates", *(f"position {t}" for t in range(length))]
            yield Table("Accuracy lost with each position.", heads, rows, headed=2, summary="Numbers by position")

    def _lost(self, run: Run) -> list[Row]:
        """The rows that say how much is lost with each position, in the order of candidates."""
        rows = [row for row in run.evaluation(self.mode, [*self.keys, "accuracy"]).rows if row.get("accuracy_lost")]
        found = by_agents(rows, self.keys, "accuracy")
        # Independent pairs have no common message, so their mean has no positions.
        lost = [row for row in next(iter(found.values()), []) if "pairs" not in row]
        return sorted(lost, key=lambda row: row["candidates"])


def _erasure_figure(lost: Sequence[tuple[Run, Row]], alone: bool) -> Figure:
    marks = shades([row["candidates"] for _, row in lost])
    panels: dict[str, list[Curve]] = {}
    for run, row in lost:
        title = "" if alone else f"{row['candidates']:,} candidates"
        values = row["accuracy_lost"]
        curve = Curve(range(len(values)), values, marks[row["candidates"]] if alone else run.mark)
        panels.setdefault(title, []).append(curve)
    legend = [Entry(mark, f"{count:,} candidates") for count, mark in marks.items()]
    drawn = [
        draw(Panel(curves, "position in the message", "accuracy lost", title, levels=[(0.0, GREY)]), alone)
        for title, curves in panels.items()
    ]
    caption = "How much each position is worth: the accuracy lost where its symbol alone is erased."
    return Figure(drawn, legend if alone else list(dict.fromkeys(run for run, _ in lost)), caption, alone)


class NamingAccuracy(Section):
    """Results of the mode testnaming."""

    title = "Naming: accuracy by channel noise"
    place = 70
    explanation = "The share of the labels that the listener gets right from the message alone."

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        results, notes = _results(runs, "testnaming", ["noise"], [run for run in runs if run.names])
        yield from notes
        if results:
            levels = [
                (row["without_message"], each.mark.colour)
                for each in results
                for row in sorted(each.rows, key=lambda row: row["noise"])
                if row.get("without_message") is not None
            ]
            curves = [_curve(each.rows, "noise", each.mark) for each in results]
            panel = Panel(curves, "channel noise", "accuracy", limits=(0.0, 1.0), levels=levels)
            caption = "Share of labels that are right. Dotted lines: always answering the most frequent class."
            yield Figure([draw(panel, wide=True)], results, caption, wide=True)
            yield _table_by_run(results, ["noise"], "Naming accuracy, with intervals.")


def _results(
    runs: Sequence[Run], mode: str, keys: Sequence[str], expected: Sequence[Run]
) -> tuple[list[Result], list[object]]:
    """The results of runs in a test, and notes about lines that cannot be read and about `expected` runs without it."""
    results: list[Result] = []
    notes: list[object] = []
    for run in runs:
        rows, own = tested(run, mode, [*keys, "accuracy"], expected=run in expected)
        notes += own
        for agents, found in by_agents(rows, keys, "accuracy").items():
            mark = run.mark._replace(dash=DOTS) if agents == "vote" else run.mark
            results.append(Result(f"{run.name} ({agents})" if agents else run.name, mark, agents, found))
    return results, notes


def _table_by_run(results: Sequence[Result], keys: Sequence[str], caption: str) -> Table:
    """One line for each cell, one column for each run."""
    cells = [{tuple(row[key] for key in keys): row for row in each.rows} for each in results]
    places = sorted({place for found in cells for place in found})
    rows = [
        [*(f"{value:g}" for value in place), *(accuracy(found.get(place)) for found in cells)] for place in places
    ]
    folded = "Numbers of the curves" if len(rows) > _MOST_ROWS else ""
    heads = [*map(_words, keys), *(each.name for each in results)]
    return Table(caption, heads, rows, headed=len(keys), summary=folded)


def _caption(results: Sequence[Result]) -> str:
    """What a table holds: intervals, split, games, inputs, and the channel and views as far as rows have them."""
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


def _curve(rows: Iterable[Row], across: str, mark: Mark) -> Curve:
    """Accuracies with their intervals, in the order of a field."""
    ordered = sorted(rows, key=lambda row: row[across])
    bands = [tuple(row.get("interval") or [row["accuracy"]] * 2) for row in ordered]
    x, y = ([row[key] for row in ordered] for key in (across, "accuracy"))
    return Curve(x, y, mark, bands)


def _all(results: Iterable[Result]) -> list[Row]:
    return [row for each in results for row in each.rows]


def _values(results: Iterable[Result], key: str) -> list[float]:
    return sorted({row[key] for row in _all(results)})


def _words(key: str) -> str:
    return key.replace("_", " ")
