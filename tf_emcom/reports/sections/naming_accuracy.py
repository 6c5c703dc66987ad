"""The section about naming games."""

from collections.abc import Iterator, Sequence

from tf_emcom.reports.accuracy import Told, accuracy_cell, missing
from tf_emcom.reports.blocks import Cell, Entry, Figure, Table, left_out
from tf_emcom.reports.drawing import Curve, Panel, draw
from tf_emcom.reports.run import Run
from tf_emcom.reports.section import Section
from tf_emcom.reports.standing import of_the_run


class NamingAccuracy(Section):
    """Results of the mode testnaming."""

    title = "Naming: accuracy by channel noise"
    place = 70
    explanation = "The share of the labels that the listener tells right from the message alone."

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        """A curve for each run, and the numbers."""
        told: list[Told] = []
        for run in runs:
            lines = run.evaluation("testnaming", ["noise", "accuracy"])
            found = of_the_run(lines.rows, ["noise"], "accuracy") if lines.rows else {}
            told += [Told(run, agents, rows) for agents, rows in found.items()]
            yield from left_out(run.name, "eval/testnaming.jsonl", lines.left_out)
            if run.names and not lines.rows:
                yield missing(run, "testnaming")
        if told:
            yield _figure(told)
            yield _table(told)


def _figure(told: Sequence[Told]) -> Figure:
    curves, levels, legend = [], [], []
    for each in told:
        mark = each.run.mark.dashed if each.agents == "vote" else each.run.mark
        rows = sorted(each.rows, key=lambda row: row["noise"])
        x, y = ([row[key] for row in rows] for key in ("noise", "accuracy"))
        bands = [tuple(row.get("interval") or [row["accuracy"]] * 2) for row in rows]
        curves.append(Curve(x, y, mark, bands))
        levels += [(row["without_message"], mark.colour) for row in rows if row.get("without_message") is not None]
        legend.append(Entry(mark, each.name))
    panel = Panel(curves, "channel noise", "accuracy", limits=(0.0, 1.0), levels=levels)
    caption = "Share of labels told right. Dotted lines: always answering the most frequent class."
    return Figure([draw(panel, wide=True)], legend, caption, wide=True)


def _table(told: Sequence[Told]) -> Table:
    found = [{row["noise"]: row for row in each.rows} for each in told]
    noises = sorted({noise for each in found for noise in each})
    rows = [[Cell(f"{noise:g}"), *(accuracy_cell(each.get(noise)) for each in found)] for noise in noises]
    return Table("Naming accuracy, with intervals.", ["noise", *(each.name for each in told)], rows)
