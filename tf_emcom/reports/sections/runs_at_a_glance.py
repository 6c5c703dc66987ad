"""The section that says which runs these are."""

from collections.abc import Iterator, Sequence

from tf_emcom.reports.blocks import Cell, Entry, Figure, Table, left_out, number, spread
from tf_emcom.reports.lines import Row
from tf_emcom.reports.run import Run, at_last
from tf_emcom.reports.section import Section
from tf_emcom.reports.standing import of_the_run

_KEYS = ["candidates", "noise"]


class RunsAtAGlance(Section):
    """Names, games and the numbers that one looks for first."""

    title = "At a glance"
    place = 10

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        """A legend where there are several runs, and a table."""
        for run in runs:
            yield from left_out(run.name, "metrics.jsonl", run.metrics.left_out)
        if len(runs) > 1:
            legend = [Entry(run.mark, run.name) for run in runs]
            yield Figure([], legend, "Every run has this colour on the whole page.")
        told = [_told(run) for run in runs]
        names = dict.fromkeys(name for each in told for name in each)
        rows = [[Cell(name), *(each.get(name, Cell("–")) for each in told)] for name in names]
        yield Table("The runs, and what they reach.", ["", *(run.name for run in runs)], rows)


def _told(run: Run) -> dict[str, Cell]:
    last = run.metrics.rows[-1]
    cells = {"folder": Cell(run.path), "game": Cell(run.setting("game")), "data": Cell(run.setting("data"))}
    cells["agents"] = Cell(_agents(run, last))
    steps = run.setting("steps")
    of_all = f" of {int(steps):,}" if steps.isdigit() else ""
    cells["steps trained"] = Cell(f"{last['step']:,}{of_all}", last["step"])
    for key in ("accuracy", "loss"):
        value = at_last(last, key)
        if value is not None:
            cells[f"training {key}, last logged"] = number(value)
    channel = run.evaluation("testchannel", [*_KEYS, "accuracy"]).rows
    for agents, rows in of_the_run(channel, _KEYS, "accuracy").items() if channel else ():
        row = min(rows, key=lambda row: (row["candidates"], row["noise"]))
        of_whom = f", {agents}" if agents else ""
        name = f"test accuracy, {row['candidates']:,} candidates, noise {row['noise']:g}{of_whom}"
        cells[name] = number(row["accuracy"], note=spread(row))
    return cells


def _agents(run: Run, last: Row) -> str:
    seeds = last.get("by_seed")
    if isinstance(seeds, dict) and seeds:
        return f"{len(next(iter(seeds.values())))} independent pairs"
    speakers, listeners = run.setting("n_speakers") or "1", run.setting("n_listeners") or "1"
    if run.transfers:
        return "a frozen speaker, a new listener"
    return "one pair" if {speakers, listeners} == {"1"} else f"{speakers} speakers, {listeners} listeners"
