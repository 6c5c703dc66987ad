"""The section about transfer runs."""

import base64
import json
import shlex
from collections.abc import Iterator, Sequence

from tf_emcom.plots import GREY
from tf_emcom.tools.report.blocks import Figure, Missing, Number, Picture, Table, Text, number, tested
from tf_emcom.tools.report.drawing import Curve, Panel, draw
from tf_emcom.tools.report.report import Section
from tf_emcom.tools.report.run import Row, Run, is_number

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
        transfers = [run for run in runs if run.transfers]
        if not transfers:
            sentence = (
                "None of these is a transfer run; this command makes one, whose folder can then be named beside the"
                " others:"
            )
            checkpoint = f"--gin_param=checkpoint={json.dumps(runs[0].path, ensure_ascii=False)}"
            yield Missing(sentence, shlex.join(["tf-emcom", "train", *_data_of(runs[0]), checkpoint]))
            return
        learning, results = [], []
        for run in transfers:
            rows, notes = tested(run, "ease_of_learning", ["step", "area"], _is_measured, expected=False)
            yield from notes
            if rows:
                learning.append((run, rows))
            else:
                yield Text(
                    f"{run.name} has no eval/ease_of_learning.jsonl: training writes it after its last step; run the"
                    " same tf-emcom train command again to resume."
                )
        for run in transfers:
            rows, notes = tested(run, "test", ["noise"], _is_measured)
            yield from notes
            if rows:
                results.append((run, rows))
        if learning:
            yield from _learning(learning)
        if results:
            yield from _tested(results)
        for run in transfers:
            if picture := run.figure("test"):
                caption = f"{run.name}: images of the test split, and what the listener draws from messages about them."
                yield Picture(base64.b64encode(picture).decode(), caption)


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


def _is_measured(row: Row) -> bool:
    return is_number(row.get(_measured(row)))


def _learning(found: _Found) -> Iterator[object]:
    """Learning curves, a panel for each kind of number, and the area under each."""
    panels: dict[str, list[Curve]] = {}
    for run, rows in found:
        key = _measured(rows[0])
        x, y = ([row[name] for row in rows if key in row] for name in ("step", key))
        panels.setdefault(key, []).append(Curve(x, y, run.mark, marked=False))
    drawn = [
        draw(Panel(curves, "step", key, "learning curve", (0.0, 1.0) if key == "accuracy" else None))
        for key, curves in panels.items()
    ]
    legend = [run for run, _ in found]
    yield Figure(drawn, legend, "How a new listener learns, in training.")
    cells = [[run.name, _measured(rows[-1]), number(rows[-1]["area"])] for run, rows in found]
    caption = "Ease of learning: the mean of the learning curve over the steps; 1 is an accuracy learnt at once."
    yield Table(caption, ["run", "measured", "area under the curve"], cells)


def _tested(found: _Found) -> Iterator[object]:
    """Test results by noise, a panel for each task and number of candidates."""
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
    legend = [run for run, _ in found]
    yield Figure(drawn, legend, "What it has learnt, on the test split. Dotted: what is reached without any message.")
    cells = [
        [run.name, _place(row), f"{row['noise']:g}", _result(row), number(row.get("without_message"))]
        for run, rows in found
        for row in rows
    ]
    heads = ["run", "task", "noise", "result", "without message"]
    yield Table("Test results, with 95 % intervals.", heads, cells, headed=3)
    for run, rows in found:
        yield from _by_label(run, [row for row in rows if isinstance(row.get("by_label"), dict)])


def _by_label(run: Run, rows: Sequence[Row]) -> Iterator[Table]:
    """The accuracy at each of a task's labels by noise, folded away; nothing where no row has it."""
    if not rows:
        return
    names = list(dict.fromkeys(name for row in rows for name in row["by_label"]))
    silent = [_at_label(rows[0], name, "without_message") for name in names]
    cells = [
        [name, *(_at_label(row, name, "accuracy") for row in rows), *known]
        for name, *known in zip(names, silent, strict=True)
    ]
    heads = [str(rows[0].get("task", "label")), *(f"noise {row['noise']:g}" for row in rows), "without message"]
    caption = f"{run.name}: accuracy at each label, with 95 % intervals."
    yield Table(caption, heads, cells, summary=f"{run.name}: accuracy at each of {len(names)} labels")


def _at_label(row: Row, name: str, key: str) -> Number | str:
    found = row["by_label"].get(name)
    if not isinstance(found, dict) or not is_number(found.get(key)):
        return "–"
    interval = found.get("interval") if key == "accuracy" else None
    noted = isinstance(interval, list) and len(interval) == 2 and all(map(is_number, interval))
    return number(found[key], note=f"{interval[0]:.3f}–{interval[1]:.3f}" if noted else "")


def _place(row: Row) -> str:
    """What a line is about, but for the noise."""
    candidates = f", {row['candidates']:,} candidates" if "candidates" in row else ""
    return f"{row.get('task', 'task')}{candidates}: {_measured(row)}"


def _result(row: Row) -> Number | str:
    key = _measured(row)
    interval = row.get("intervals", {}).get(key)
    return number(row.get(key), note=f"{interval[0]:.3f}–{interval[1]:.3f}" if interval else "")
