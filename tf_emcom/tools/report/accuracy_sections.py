"""Sections about accuracy."""

import base64
import json
from collections.abc import Iterable, Iterator, Sequence

from tf_emcom.evaluation.results import by_agents
from tf_emcom.plots import GREY, shades
from tf_emcom.tools.report.accuracy import (
    Result,
    Test,
    accuracy_blocks,
    accuracy_cell,
    curve_of,
    missing,
    results_of,
)
from tf_emcom.tools.report.blocks import Cell, Entry, Figure, Missing, Picture, Table, Text, left_out, number
from tf_emcom.tools.report.drawing import Curve, Panel, draw
from tf_emcom.tools.report.report import Section
from tf_emcom.tools.report.run import Lines, Row, Run, is_number


class AccuracyByNoise(Section):
    """Results of the mode testchannel."""

    title = "Accuracy by candidates and channel noise"
    place = 40
    explanation = (
        "How often the listener finds the speaker's input among so many candidates, by the channel's noise, such as the"
        " probability that a symbol is erased."
    )

    def blocks(self, runs: Sequence[Run]) -> Iterable[object]:
        """Curves by noise, and their numbers."""
        return accuracy_blocks(runs, Test("testchannel", "noise", "channel noise"))


class AccuracyByInputNoise(Section):
    """Results of the mode testinput."""

    title = "Accuracy by input noise"
    place = 60
    explanation = (
        "Speaker and listener see the same inputs with Gaussian noise, in standard deviations of the features: each"
        " with noise of its own (two views), or both with the same (one view). The channel has noise as well."
    )

    def blocks(self, runs: Sequence[Run]) -> Iterable[object]:
        """Curves by input noise for each channel noise, and their numbers."""
        return accuracy_blocks(runs, Test("testinput", "input_noise", "input noise (std. deviations)", beside="noise"))


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
        if lost := [(run, row) for run in runs for row in _lost(run)]:
            yield _erasure_figure(lost, alone=len(runs) == 1)
            yield _erasure_table(lost)


def _erasure_figure(lost: Sequence[tuple[Run, Row]], alone: bool) -> Figure:
    marks = shades([row["candidates"] for _, row in lost])
    panels: dict[str, list[Curve]] = {}
    for run, row in lost:
        title = "" if alone else f"{row['candidates']:,} candidates"
        values = row["accuracy_lost"]
        curve = Curve(list(range(len(values))), values, marks[row["candidates"]] if alone else run.mark)
        panels.setdefault(title, []).append(curve)
    legend = [Entry(mark, f"{count:,} candidates") for count, mark in marks.items()]
    if not alone:
        legend = [Entry(run.mark, run.name) for run in dict.fromkeys(run for run, _ in lost)]
    drawn = [
        draw(Panel(curves, "position in the message", "accuracy lost", title, levels=[(0.0, GREY)]), alone)
        for title, curves in panels.items()
    ]
    caption = "How much each position is worth: the accuracy lost where its symbol alone is erased."
    return Figure(drawn, legend, caption, alone)


def _lost(run: Run) -> list[Row]:
    """The rows that say how much is lost with each position, in the order of candidates."""
    rows = run.evaluation(_TEST.mode, [*_TEST.keys, "accuracy"]).rows
    found = by_agents([row for row in rows if row.get("accuracy_lost")], _TEST.keys, "accuracy")
    # Independent pairs have no common message, so their mean has no positions.
    lost = [row for row in next(iter(found.values()), []) if "pairs" not in row]
    return sorted(lost, key=lambda row: row["candidates"])


def _erasure_table(lost: Sequence[tuple[Run, Row]]) -> Table:
    length = max(len(row["accuracy_lost"]) for _, row in lost)
    rows = [
        [Cell(run.name), Cell(f"{row['candidates']:,}"), *(number(value) for value in row["accuracy_lost"])]
        for run, row in lost
    ]
    heads = ["run", "candidates", *(f"position {t}" for t in range(length))]
    return Table("Accuracy lost with each position.", heads, rows, headed=2, summary="Numbers by position")


class NamingAccuracy(Section):
    """Results of the mode testnaming."""

    title = "Naming: accuracy by channel noise"
    place = 70
    explanation = "The share of the labels that the listener gets right from the message alone."

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        """A curve for each run, and the numbers."""
        results, notes = results_of(runs, "testnaming", ["noise"], lambda run: run.names)
        yield from notes
        if results:
            yield _naming_figure(results)
            found = [{row["noise"]: row for row in each.rows} for each in results]
            noises = sorted({noise for each in found for noise in each})
            rows = [[Cell(f"{noise:g}"), *(accuracy_cell(each.get(noise)) for each in found)] for noise in noises]
            yield Table("Naming accuracy, with intervals.", ["noise", *(each.name for each in results)], rows)


def _naming_figure(results: Sequence[Result]) -> Figure:
    levels = [
        (row["without_message"], each.mark.colour)
        for each in results
        for row in sorted(each.rows, key=lambda row: row["noise"])
        if row.get("without_message") is not None
    ]
    curves = [curve_of(each.rows, "noise", each.mark) for each in results]
    panel = Panel(curves, "channel noise", "accuracy", limits=(0.0, 1.0), levels=levels)
    caption = "Share of labels that are right. Dotted lines: always answering the most frequent class."
    return Figure([draw(panel, wide=True)], [Entry(each.mark, each.name) for each in results], caption, wide=True)


_QUOTES = "'\""
# Data sets that have a gin file of their own.
_PUBLISHED = {
    "byol_imagenet2012": "imagenet",
    "byol_celeb_a2": "celeba",
    "byol_celeb_a2_logits": "celeba_logits",
    "byol_celeb_a2_noimg": "celeba_noimg",
}
_Found = Sequence[tuple[Run, list[Row]]]


class Transfer(Section):
    """Results of the mode test, and the ease of learning."""

    title = "Transfer to a new listener"
    place = 80
    explanation = "What a new listener learns from the messages of a frozen speaker, and how fast."

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        """How it learns, what it has learnt, and a picture where it draws."""
        transfers = [run for run in runs if run.transfers]
        if not transfers:
            yield _how_to(runs[0])
            return
        learning = [(run, _measured_lines(run.evaluation("ease_of_learning", ["step", "area"]))) for run in transfers]
        tested = [(run, _measured_lines(run.evaluation("test", ["noise"]))) for run in transfers]
        for run, lines in learning:
            yield from left_out(run.name, "eval/ease_of_learning.jsonl", lines.left_out)
            if not lines.rows:
                yield Text(
                    f"{run.name} has no eval/ease_of_learning.jsonl: training writes it after its last step; run the"
                    " same bin/train command again to resume."
                )
        for run, lines in tested:
            yield from left_out(run.name, "eval/test.jsonl", lines.left_out)
            if not lines.rows:
                yield missing(run, "test")
        yield from _learning([(run, lines.rows) for run, lines in learning if lines.rows])
        yield from _tested([(run, lines.rows) for run, lines in tested if lines.rows])
        for run in transfers:
            if picture := run.figure("test"):
                caption = f"{run.name}: images of the test split, and what the listener draws from messages about them."
                yield Picture(base64.b64encode(picture).decode(), caption)


def _how_to(run: Run) -> Missing:
    return Missing(
        "None of these is a transfer run; this command makes one, whose folder can then be named beside the others:",
        "bin/train",
        *_data_of(run),
        f"--gin_param=checkpoint={json.dumps(run.path, ensure_ascii=False)}",
    )


def _data_of(run: Run) -> list[str]:
    """The arguments by which a transfer run has the data of this one."""
    data = run.setting("data").removeprefix("@").removesuffix("()")
    if data != "ByolFolder":
        return [f"--gin_file=gin/etl_{data.lower()}.gin"]
    name, folder = (run.setting(f"ByolFolder.{binding}").strip(_QUOTES) for binding in ("name", "data_dir"))
    placed = [] if folder in ("", "None") else [f"--data_dir={folder}"]
    if name in _PUBLISHED:
        return [f"--gin_file=gin/etl_{_PUBLISHED[name]}.gin", *placed]
    return ["--gin_file=gin/etl_features.gin", f"--gin_param=data_name={json.dumps(name)}", *placed]


def _measured(row: Row) -> str:
    return "accuracy" if "accuracy" in row else "loss"


def _measured_lines(lines: Lines) -> Lines:
    """The lines with a number for what was measured."""
    rows = [row for row in lines.rows if is_number(row.get(_measured(row)))]
    return Lines(rows, lines.left_out + len(lines.rows) - len(rows))


def _learning(found: _Found) -> Iterator[object]:
    """Learning curves, a panel for each kind of number, and the area under each."""
    if not found:
        return
    panels: dict[str, list[Curve]] = {}
    for run, rows in found:
        key = _measured(rows[0])
        x, y = ([row[name] for row in rows if key in row] for name in ("step", key))
        panels.setdefault(key, []).append(Curve(x, y, run.mark, marked=False))
    drawn = [
        draw(Panel(curves, "step", key, "learning curve", (0.0, 1.0) if key == "accuracy" else None))
        for key, curves in panels.items()
    ]
    legend = [Entry(run.mark, run.name) for run, _ in found]
    yield Figure(drawn, legend, "How a new listener learns, in training.")
    cells = [[Cell(run.name), Cell(_measured(rows[-1])), number(rows[-1]["area"])] for run, rows in found]
    caption = "Ease of learning: the mean of the learning curve over the steps; 1 is an accuracy learnt at once."
    yield Table(caption, ["run", "measured", "area under the curve"], cells)


def _tested(found: _Found) -> Iterator[object]:
    """Test results by noise, a panel for each task and number of candidates."""
    if not found:
        return
    panels: dict[str, list[Curve]] = {}
    levels: dict[str, list[tuple[float, str]]] = {}
    for run, rows in found:
        for title in dict.fromkeys(map(_place, rows)):
            same = sorted((row for row in rows if _place(row) == title), key=lambda row: row["noise"])
            key = _measured(same[0])
            bands = [row.get("intervals", {}).get(key) or [row[key]] * 2 for row in same]
            curve = Curve([row["noise"] for row in same], [row[key] for row in same], run.mark, bands)
            panels.setdefault(title, []).append(curve)
            silent = [row["without_message"] for row in same if "without_message" in row]
            levels.setdefault(title, []).extend((level, GREY) for level in silent)
    drawn = []
    for title, curves in panels.items():
        limits = (0.0, 1.0) if title.endswith("accuracy") else None
        measured = title.rpartition(": ")[2]
        drawn.append(draw(Panel(curves, "channel noise", measured, title, limits, levels[title])))
    legend = [Entry(run.mark, run.name) for run, _ in found]
    yield Figure(drawn, legend, "What it has learnt, on the test split. Dotted: what is reached without any message.")
    cells = [
        [
            *(Cell(text) for text in (run.name, _place(row), f"{row['noise']:g}")),
            _result(row),
            number(row.get("without_message")),
        ]
        for run, rows in found
        for row in rows
    ]
    yield Table(
        "Test results, with 95 % intervals.", ["run", "task", "noise", "result", "without message"], cells, headed=3
    )


def _place(row: Row) -> str:
    """What a line is about, but for the noise."""
    candidates = f", {row['candidates']:,} candidates" if "candidates" in row else ""
    return f"{row.get('task', 'task')}{candidates}: {_measured(row)}"


def _result(row: Row) -> Cell:
    key = _measured(row)
    interval = row.get("intervals", {}).get(key)
    return number(row.get(key), note=f"{interval[0]:.3f}–{interval[1]:.3f}" if interval else "")
