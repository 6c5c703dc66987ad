"""The section about training."""

import math
from collections.abc import Iterator, Sequence

from tf_emcom.reports.blocks import Cell, Entry, Figure, Table, number
from tf_emcom.reports.drawing import Curve, Panel, draw
from tf_emcom.reports.lines import Row
from tf_emcom.reports.run import Run, at_last
from tf_emcom.reports.section import Section

_ROWS = 21  # of the table, at most
_NEUTRAL = "#808080"


class LearningCurves(Section):
    """What metrics.jsonl holds: accuracy beside the noise schedule, the terms of the losses, entropies."""

    title = "Learning curves"
    place = 30
    explanation = "Means over the games since the logged step before; agents sample, and so err more than in tests."

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        """Accuracy with noise, losses, and the numbers."""
        legend = [Entry(run.mark, run.name) for run in runs]
        if any(_has(run, "accuracy") for run in runs):
            yield _accuracy([run for run in runs if _has(run, "accuracy")])
        keys = dict.fromkeys(key for run in runs for row in run.metrics.rows for key in row)
        terms = [key for key in keys if key.endswith(("loss", "entropy")) and key != "by_seed"]
        if terms:
            plots = [draw(_panel(key, runs)) for key in terms]
            yield Figure(plots, legend if len(runs) > 1 else [], "Losses with their terms, and entropies, by step.")
        yield _table(runs)


def _has(run: Run, key: str) -> bool:
    return any(at_last(row, key) is not None for row in run.metrics.rows)


def _accuracy(runs: Sequence[Run]) -> Figure:
    curves = [curve for run in runs for curve in _curves(run, "accuracy")]
    noises = [Curve(*_points(run, "noise"), run.mark._replace(colour=_noise_colour(run, runs))) for run in runs]
    noises = [curve for curve in noises if any(y > 0 for y in curve.y)]
    levels = [(run.chance, run.mark.colour) for run in runs if run.chance is not None]
    panel = Panel(
        curves, "step", "training accuracy", "", (0.0, 1.0), levels, noises, "channel noise"
    )
    noise = "Dashed, on the right axis: the noise schedule." if noises else "The channel had no noise in training."
    chance = " Dotted: chance, 1 / candidates." if levels else ""
    seeds = " Thin: each independent pair." if any(curve.faint for curve in curves) else ""
    legend = [Entry(run.mark, run.name) for run in runs] if len(runs) > 1 else []
    return Figure([draw(panel, wide=True)], legend, f"Accuracy in training. {noise}{chance}{seeds}", wide=True)


def _noise_colour(run: Run, runs: Sequence[Run]) -> str:
    return run.mark.colour if len(runs) > 1 else _NEUTRAL


def _panel(key: str, runs: Sequence[Run]) -> Panel:
    curves = [curve for run in runs if _has(run, key) for curve in _curves(run, key)]
    unit = "entropy (nats)" if key.endswith("entropy") else "loss"
    return Panel(curves, "step", unit, key.replace("_", " "))


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


def _table(runs: Sequence[Run]) -> Table:
    """Some of the logged steps, evenly, the last among them."""
    by_step: list[dict[int, Row]] = [{row["step"]: row for row in run.metrics.rows} for run in runs]
    steps = sorted({step for found in by_step for step in found})
    apart = -(-len(steps) // _ROWS)
    kept = steps[::-1][::apart][::-1]
    columns = [
        (run, found, key)
        for run, found in zip(runs, by_step, strict=True)
        for key in ("accuracy", "loss", "noise")
        if _has(run, key)
    ]
    rows = [
        [
            Cell(f"{step:,}", step),
            *(number(at_last(found[step], key)) if step in found else Cell("–") for _, found, key in columns),
        ]
        for step in kept
    ]
    heads = ["step", *(f"{run.name}: {key}" if len(runs) > 1 else key for run, _, key in columns)]
    every = "" if apart == 1 else f" One logged step of {apart} is shown; metrics.jsonl has all."
    return Table(f"Numbers of the learning curves.{every}", heads, rows, summary="Numbers of the learning curves")
