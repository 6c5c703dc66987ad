"""The section about erased symbols."""

from collections.abc import Iterator, Sequence

from tf_emcom.reports.accuracy import Test, accuracy_blocks
from tf_emcom.reports.blocks import Cell, Entry, Figure, Table, number
from tf_emcom.reports.drawing import Curve, Panel, draw
from tf_emcom.reports.lines import Row
from tf_emcom.reports.palette import shades
from tf_emcom.reports.run import Run
from tf_emcom.reports.section import Section
from tf_emcom.reports.standing import of_the_run

_TEST = Test("testmessage", "erased", "erased symbols")


class AccuracyByErasedSymbols(Section):
    """Results of the mode testmessage."""

    title = "Accuracy by number of erased symbols"
    place = 50
    explanation = (
        "So many symbols are erased at random positions and all others arrive: the flatter the curve, the more a"
        " message repeats itself."
    )

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        """Curves by number of erased symbols with their numbers, then how much each position is worth."""
        yield from accuracy_blocks(runs, _TEST)
        lost = [(run, row) for run in runs for row in _lost(run)]
        if not lost:
            return
        alone = len(runs) == 1
        marks = shades([row["candidates"] for _, row in lost])
        panels: dict[str, list[Curve]] = {}
        for run, row in lost:
            mark = marks[row["candidates"]] if alone else run.mark
            values = row["accuracy_lost"]
            title = "" if alone else f"{row['candidates']:,} candidates"
            panels.setdefault(title, []).append(Curve(list(range(len(values))), values, mark))
        legend = [Entry(m, f"{c:,} candidates") for c, m in marks.items()]
        if not alone:
            legend = [Entry(run.mark, run.name) for run in dict.fromkeys(run for run, _ in lost)]
        drawn = [
            draw(Panel(curves, "position in the message", "accuracy lost", title, levels=[(0.0, "#808080")]), alone)
            for title, curves in panels.items()
        ]
        yield Figure(
            drawn,
            legend,
            "How much each position is worth: the accuracy lost where its symbol alone is erased.",
            alone,
        )
        yield _table(lost)


def _lost(run: Run) -> list[Row]:
    """The lines that say how much is lost with each position, in the order of candidates."""
    rows = run.evaluation(_TEST.mode, [*_TEST.keys, "accuracy"]).rows
    found = of_the_run([row for row in rows if row.get("accuracy_lost")], _TEST.keys, "accuracy") if rows else {}
    # Of independent pairs there is no mean message, so nothing is told of its positions.
    told = [row for row in next(iter(found.values()), []) if "pairs" not in row]
    return sorted(told, key=lambda row: row["candidates"])


def _table(lost: Sequence[tuple[Run, Row]]) -> Table:
    length = max(len(row["accuracy_lost"]) for _, row in lost)
    rows = [
        [Cell(run.name), Cell(f"{row['candidates']:,}"), *(number(value) for value in row["accuracy_lost"])]
        for run, row in lost
    ]
    heads = ["run", "candidates", *(f"position {t}" for t in range(length))]
    return Table("Accuracy lost with each position.", heads, rows, headed=2, summary="Numbers by position")
