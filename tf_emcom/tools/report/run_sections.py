"""Sections about runs and their language."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from tf_emcom.evaluation.results import by_agents
from tf_emcom.plots import GREY
from tf_emcom.tools.report.blocks import (
    Code,
    Figure,
    Games,
    Number,
    Table,
    Text,
    accuracy,
    left_out,
    missing,
    number,
    tested,
)
from tf_emcom.tools.report.drawing import Curve, Panel, draw, draw_heat_map
from tf_emcom.tools.report.report import Section
from tf_emcom.tools.report.run import Row, Run, at_last

_KEYS = ["candidates", "noise"]


class RunsAtAGlance(Section):
    """Names, games and the most important numbers."""

    title = "At a glance"
    place = 10

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        for run in runs:
            yield from left_out(run, "metrics.jsonl", run.metrics.left_out)
            yield from left_out(run, "validation.jsonl", run.validation.left_out)
        if len(runs) > 1:
            yield Figure([], runs, "Every run has this colour on the whole page.")
        columns = [_at_a_glance(run) for run in runs]
        names = dict.fromkeys(name for column in columns for name in column)
        rows = [[name, *(column.get(name, "–") for column in columns)] for name in names]
        yield Table("The runs, and what they reach.", ["", *(run.name for run in runs)], rows)


def _at_a_glance(run: Run) -> dict[str, Number | str]:
    last = run.metrics.rows[-1]
    cells: dict[str, Number | str] = {"folder": run.path, "game": run.setting("game"), "data": run.setting("data")}
    cells["agents"] = _agents(run, last)
    steps = run.setting("steps")
    of_all = f" of {int(steps):,}" if steps.isdigit() else ""
    cells["steps trained"] = Number(f"{last['step']:,}{of_all}", last["step"])
    for key in ("accuracy", "loss"):
        value = at_last(last, key)
        if value is not None:
            cells[f"training {key}, last logged"] = number(value)
    tested = run.evaluation("testchannel", [*_KEYS, "accuracy"]).rows
    for agents, rows in by_agents(tested, _KEYS, "accuracy").items():
        row = min(rows, key=lambda row: (row["candidates"], row["noise"]))
        of_whom = f", {agents}" if agents else ""
        name = f"test accuracy, {row['candidates']:,} candidates, noise {row['noise']:g}{of_whom}"
        cells[name] = accuracy(row)
    return cells


def _agents(run: Run, last: Row) -> str:
    seeds = last.get("by_seed")
    if isinstance(seeds, dict) and seeds:
        return f"{len(next(iter(seeds.values())))} independent pairs"
    speakers, listeners = run.setting("n_speakers") or "1", run.setting("n_listeners") or "1"
    if run.transfers:
        return "a frozen speaker, a new listener"
    return "one pair" if {speakers, listeners} == {"1"} else f"{speakers} speakers, {listeners} listeners"


_MOST_ROWS = 40  # of a table that is not folded away


class Configuration(Section):
    """The config.gin of every run, and how they differ."""

    title = "Configuration"
    place = 20
    explanation = "The settings of the run; tf-emcom train --gin_file=RUN/config.gin repeats it."

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        names = dict.fromkeys(name for run in runs for name in run.bindings)
        macros = sorted(name for name in names if "." not in name)
        differing = [number for number, name in enumerate(macros) if _differs(name, runs)]
        heads = [run.name for run in runs]
        marked = " Those that differ stand out." if len(runs) > 1 else ""
        caption, rows = f"Macros of the configuration.{marked}", _configuration_rows(macros, runs)
        yield Table(caption, ["setting", *heads], rows, differing=differing)
        if others := sorted(name for name in names if "." in name and _differs(name, runs)):
            folded = f"{len(others)} other bindings that differ" if len(others) > _MOST_ROWS else ""
            caption, rows = "All other bindings that differ.", _configuration_rows(others, runs)
            yield Table(caption, ["binding", *heads], rows, summary=folded)
        elif len(runs) > 1:
            yield Text("All other bindings are the same.")
        for run in runs:
            yield Code(f"config.gin of {run.name}", run.config)


def _differs(name: str, runs: Sequence[Run]) -> bool:
    return len({run.bindings.get(name) for run in runs}) > 1


def _configuration_rows(names: Sequence[str], runs: Sequence[Run]) -> list[list[str]]:
    return [[name, *(run.bindings.get(name, "not bound") for run in runs)] for name in names]


class Provenance(Section):
    """When and where every run was started, and with which code, from environment.json."""

    title = "Provenance"
    place = 25
    explanation = "A line for each start of a run: a new one, or one that resumes."

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        for run in runs:
            starts = run.starts
            yield from left_out(run, "environment.json", starts.left_out)
            rows = [_start(row) for row in starts.rows]
            heads = ["start", "command", "code", "versions", "machine"]
            folded = "Starts" if len(rows) > _FEW_STARTS else ""
            if rows:
                yield Table(f"Starts of {run.name}.", heads, rows, headed=len(heads), summary=folded)


_FEW_STARTS = 4


def _start(row: Row) -> list[str]:
    code = (row.get("git") or {}).get("tf_emcom") or {}
    commit = f"{str(code.get('commit', ''))[:10]}{', with changes' if code.get('changed') else ''}"
    versions = row.get("versions") or {}
    named = [f"{name} {versions[name]}" for name in versions if name in ("tf_emcom", "python", "keras", "numpy")]
    named += [f"{name} {versions[name]}" for name in versions if name.startswith("tensorflow")][:1]
    machine = [str(row.get("processor", "")), f"{row.get('cores', '?')} cores", *map(str, row.get("devices") or [])]
    return [str(row.get("time", "")), str(row.get("command", "")), commit or "–", ", ".join(named), ", ".join(machine)]


_ROWS = 21  # of the table, at most


class LearningCurves(Section):
    """Accuracy with the noise schedule, losses, entropies, from metrics.jsonl; held-out games of validation.jsonl."""

    title = "Learning curves"
    place = 30
    explanation = "Means over the games since the logged step before; agents sample, and so err more than in tests."

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        if measured := [run for run in runs if _has(run, "accuracy")]:
            yield _accuracy(measured)
        keys = dict.fromkeys(key for run in runs for row in run.metrics.rows for key in row)
        terms = [key for key in keys if key.endswith(("loss", "entropy")) and key != "by_seed"]
        plots = []
        for key in terms:
            curves = [curve for run in runs if _has(run, key) for curve in _curves(run, key)]
            unit = "entropy (nats)" if key.endswith("entropy") else "loss"
            plots.append(draw(Panel(curves, "step", unit, key.replace("_", " "))))
        if plots:
            yield Figure(plots, _legend(runs), "Losses with their terms, and entropies, by step.")
        yield from _validation(runs)
        yield _curves_table(runs)


def _validation(runs: Sequence[Run]) -> Iterator[Figure]:
    plots, best = [], []
    for key, limits in (("listener_loss", None), ("accuracy", (0.0, 1.0))):
        lines = [(run, [row for row in run.validation.rows if at_last(row, key) is not None]) for run in runs]
        points = [(run, [(row["step"], row[key]) for row in rows]) for run, rows in lines if rows]
        curves = [Curve(*zip(*found, strict=True), run.mark) for run, found in points]
        if curves:
            plots.append(draw(Panel(curves, "step", f"validation {key.replace('_', ' ')}", "", limits)))
        best = best or [f"{min(found, key=lambda point: point[1])[0]:,} of {run.name}" for run, found in points]
    if plots:
        yield Figure(plots, _legend(runs), f"Held-out games while agents learn; the best: step {', '.join(best)}.")


def _legend(runs: Sequence[Run]) -> Sequence[Run]:
    return runs if len(runs) > 1 else []


def _has(run: Run, key: str) -> bool:
    return any(at_last(row, key) is not None for row in run.metrics.rows)


def _accuracy(runs: Sequence[Run]) -> Figure:
    curves = [curve for run in runs for curve in _curves(run, "accuracy")]
    marks = [run.mark if len(runs) > 1 else run.mark._replace(colour=GREY) for run in runs]
    noises = [Curve(*_points(run, "noise"), mark) for run, mark in zip(runs, marks, strict=True)]
    noises = [curve for curve in noises if any(y > 0 for y in curve.y)]
    levels = [(run.chance, run.mark.colour) for run in runs if run.chance is not None]
    panel = Panel(curves, "step", "training accuracy", "", (0.0, 1.0), levels, noises, "channel noise")
    noise = "Dashed, on the right axis: the noise schedule." if noises else "The channel had no noise in training."
    chance = " Dotted: chance, 1 / candidates." if levels else ""
    seeds = " Thin: each independent pair." if any(curve.faint for curve in curves) else ""
    caption = f"Accuracy in training. {noise}{chance}{seeds}"
    return Figure([draw(panel, wide=True)], _legend(runs), caption, wide=True)


def _curves(run: Run, key: str) -> Iterator[Curve]:
    """The curve of a run, after those of its independent pairs."""
    by_seed = [row["by_seed"][key] if key in row.get("by_seed", {}) else [] for row in run.metrics.rows]
    steps = [row["step"] for row in run.metrics.rows]
    for values in zip(*by_seed, strict=False):
        yield Curve(steps, values, run.mark, faint=True)
    yield Curve(*_points(run, key), run.mark, marked=False)


def _points(run: Run, key: str) -> tuple[list[int], list[float]]:
    """Steps and numbers; a gap where a line has none."""
    values = [at_last(row, key) for row in run.metrics.rows]
    return [row["step"] for row in run.metrics.rows], [math.nan if value is None else value for value in values]


def _curves_table(runs: Sequence[Run]) -> Table:
    """Some of the logged steps, at equal distances, with the last one."""
    by_step: list[dict[int, Row]] = [{row["step"]: row for row in run.metrics.rows} for run in runs]
    steps = sorted({step for found in by_step for step in found})
    apart = -(-len(steps) // _ROWS)
    kept = steps[::-1][::apart][::-1]
    keys = ("accuracy", "loss", "noise")
    columns = [(run, at, key) for run, at in zip(runs, by_step, strict=True) for key in keys if _has(run, key)]
    rows = [
        [f"{step:,}", *(number(at_last(at[step], key)) if step in at else "–" for _, at, key in columns)]
        for step in kept
    ]
    heads = ["step", *(f"{run.name}: {key}" if len(runs) > 1 else key for run, _, key in columns)]
    every = "" if apart == 1 else f" One logged step of {apart} is shown; metrics.jsonl has all."
    return Table(f"Numbers of the learning curves.{every}", heads, rows, summary="Numbers of the learning curves")


_NEEDED = ("noise", "target", "choice", "erased_symbol")
_LISTS = ("candidates", "called", "probabilities")


class ExamplesOfGames(Section):
    """Results of the mode examplegames."""

    title = "Example games"
    place = 110
    explanation = (
        "Games of greedy agents on the test split, with candidates drawn at random: the speaker sees the right one and"
        " says a message, the channel erases symbols, the listener gives each candidate a probability and chooses the"
        " likeliest."
    )

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        for run in runs:
            # Of several pairs, the first one plays them.
            expected = not run.transfers and not run.names and not run.setting_of_part
            rows, notes = tested(run, "examplegames", _NEEDED, _is_whole, expected)
            yield from notes
            if rows:
                yield Games(run, rows)


def _is_whole(row: Row) -> bool:
    """Whether a line has every field that is shown."""
    lists = [row.get(key) for key in (*_LISTS, *(["pictures"] if "pictures" in row else []))]
    said = row.get("message"), row.get("received")
    if not all(isinstance(each, list) for each in (*lists, *said)):
        return False
    counts = {len(each) for each in lists}
    if not all(isinstance(share, int | float) for share in row["probabilities"]):
        return False
    return len(counts) == 1 and len(said[0]) == len(said[1]) and max(row["target"], row["choice"]) < counts.pop()


_ABOUT = {
    "message_entropy": "entropy of whole messages, in nats",
    "unique_messages": "how many different messages are said",
    "unique_message_share": "the same, as a share of all messages",
    "mean_edit_distance": "between two messages, as a share of their length",
    "edit_distance_between_speakers": "between what two speakers say of one input, as a share of the length",
    "positional_disentanglement": "whether each position stands for one attribute",
    "bag_of_symbols_disentanglement": "whether each symbol, at any position, stands for one attribute",
    "context_independence": "whether each symbol always goes with one attribute",
}
_BY_POSITION = ("symbol_entropy", "symbol_use")


class LanguageMeasures(Section):
    """Results of the modes testtopsim and testlanguage."""

    title = "Language measures"
    place = 90
    explanation = "Measures of greedy messages about the test split, by themselves and against what they are about."

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        columns: list[dict[tuple[str, str], Number | str]] = []
        for run in runs:
            similarities, notes = tested(run, "testtopsim")
            measures, more = tested(run, "testlanguage")
            yield from (*notes, *more)
            columns.append(_similarities(similarities) | _measures(measures))
        names = dict.fromkeys(name for column in columns for name in column)
        if names:
            rows = [[*name, *(column.get(name, "–") for column in columns)] for name in names]
            caption = (
                "Language measures. ±: standard deviation (n − 1) between agents, or for topographic similarity of one"
                " speaker between draws of messages."
            )
            yield Table(caption, ["measure", "what it is", *(run.name for run in runs)], rows, headed=2)


def _similarities(rows: list[Row]) -> dict[tuple[str, str], Number | str]:
    found = {}
    for row in _of_all([row for row in rows if "topsim" in row and "meaning" in row], ["meaning"], "topsim"):
        meanings = "classes" if row["meaning"] == "class" else row["meaning"]
        about = f"correlation of distances between messages with those between {meanings} ({row.get('distance')})"
        found["topographic similarity", about] = _with_deviation(row, "topsim")
    return found


def _measures(rows: list[Row]) -> dict[tuple[str, str], Number | str]:
    usable = [row for row in rows if "measure" in row and "value" in row and row["measure"] not in _BY_POSITION]
    found = {}
    for row in _of_all(usable, ["measure", "attributes"], "value"):
        against = f" ({row['attributes']})" if row.get("attributes") else ""
        about = _ABOUT.get(row["measure"], "") + against
        found[row["measure"].replace("_", " "), about] = _with_deviation(row, "value")
    return found


def _of_all(rows: list[Row], keys: list[str], value: str) -> list[Row]:
    return next(iter(by_agents(rows, keys, value).values()), [])


def _with_deviation(row: Row, value: str) -> Number | str:
    return number(row[value], note=f"± {row['deviation']:.3f}" if row.get("deviation") else "")


class UseOfSymbols(Section):
    """Results of the mode testlanguage by position."""

    title = "Use of symbols"
    place = 100
    explanation = "Which symbols a speaker says where, over its messages about the test split."

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        heat_maps, curves, tables = [], [], []
        measured, most, several = [], set(), False
        for run in runs:
            rows = run.evaluation("testlanguage", ["position"]).rows
            first = [row for row in rows if row.get("speaker") == rows[0].get("speaker")]
            used = [row for row in first if row.get("measure") == "symbol_use" and "share" in row]
            if not used:
                lacking = Text(f"{run.name}: eval/testlanguage.jsonl has no symbols by position.")
                yield lacking if rows else missing(run, "testlanguage")
                continue
            shares = _shares(run, used)
            measured.append(run)
            heat_maps.append(draw_heat_map(shares, run.name if len(runs) > 1 else ""))
            curves.append(_entropies(run, first))
            tables.append(_symbol_table(run, shares))
            most.add(math.log(shares.shape[1]))
            several = several or any(row.get("speaker") not in (0, None) for row in rows)
        if not measured:
            return
        caption = "How often each symbol is said at each position."
        yield Figure(heat_maps, [], caption + (" Of several speakers, the first." if several else ""), columns=2)
        levels, limits = [(level, GREY) for level in sorted(most)], (0.0, 1.08 * max(most))
        panel = Panel(curves, "position in the message", "entropy (nats)", limits=limits, levels=levels)
        caption = "Entropy of the symbols at each position. Dotted: all symbols equally often."
        yield Figure([draw(panel, wide=True)], measured if len(runs) > 1 else [], caption, wide=True)
        yield from tables


def _shares(run: Run, used: Sequence[Row]) -> np.ndarray:
    """[T, V]; symbols that are never said have no line, so V comes from the configuration if it is bound there."""
    size = run.setting("vocab_size")
    vocabulary = max(int(size) if size.isdigit() else 0, *(row["symbol"] + 1 for row in used))
    shares = np.zeros((max(row["position"] for row in used) + 1, vocabulary))
    for row in used:
        shares[row["position"], row["symbol"]] = row["share"]
    return shares


def _entropies(run: Run, rows: Sequence[Row]) -> Curve:
    found = [row for row in rows if row.get("measure") == "symbol_entropy" and "value" in row]
    found.sort(key=lambda row: row["position"])
    return Curve([row["position"] for row in found], [row["value"] for row in found], run.mark)


def _symbol_table(run: Run, shares: np.ndarray) -> Table:
    rows = [[str(symbol), *map(number, column)] for symbol, column in enumerate(shares.T.tolist())]
    heads = ["symbol", *(f"position {t}" for t in range(len(shares)))]
    return Table(f"{run.name}: share of messages.", heads, rows, summary=f"Shares of {run.name}")
