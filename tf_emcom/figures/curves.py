"""Curves with intervals."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tf_emcom.figures.picture import in_plain_style, write_png

_MARKERS = "osD^vP*X"
_MOST_MARKERS = 12  # on a curve
_MOST_TICKS = 8  # so many x values, or fewer, are ticks themselves
_MOST_IN_A_ROW = 4
_PANEL_INCHES = (3.6, 3.6)
_SINGLE_INCHES = (5.2, 4.0)
_LEGEND_INCHES = 1.3


class Series(NamedTuple):
    """One curve."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    intervals: Sequence[tuple[float, float]] | None = None  # around each y
    chance: float | None = None  # the y that guessing gives


def draw_curves(series: Sequence[Series], x_label: str, y_label: str, path: str, legend: str = "") -> None:
    """Draws curves into a PNG file; `legend` says what their names are."""
    draw_panels({"": series}, x_label, y_label, path, legend)


@in_plain_style
def draw_panels(
    panels: Mapping[str, Sequence[Series]], x_label: str, y_label: str, path: str, legend: str = ""
) -> None:
    """Draws curves side by side, four in a row, on axes of the same scale into a PNG file.

    The n-th curve of each panel has the same colour and marker, so that one legend is enough. Colours go from dark to
    light, so that they differ in grey too.

    Args:
      panels: title → curves; the same names in each.
      x_label: what x is.
      y_label: what y is.
      path: of the file.
      legend: what the curves' names are.
    """
    width, height = _SINGLE_INCHES if len(panels) == 1 else _PANEL_INCHES
    columns = min(len(panels), _MOST_IN_A_ROW)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(width * columns + _LEGEND_INCHES, height * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).reshape(-1)
    for axes, (title, series) in zip(grid, panels.items(), strict=False):
        _draw(axes, series)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(x_label)
        # Also above an empty place in the row below.
        axes.tick_params(labelbottom=True)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    for axes in grid[::columns]:
        axes.set_ylabel(y_label)
    handles, names = grid[0].get_legend_handles_labels()
    if any(one.chance is not None for one in next(iter(panels.values()))):
        handles, names = [*handles, Line2D([], [], color="black", linestyle=":", linewidth=1)], [*names, "chance"]
    if len(names) > 1:
        figure.legend(handles, names, title=legend, loc="outside right upper", frameon=False)
    write_png(figure, path)


def _draw(axes: Axes, series: Sequence[Series]) -> None:
    """Every curve on the axes, with its interval as a band; y from 0 to 1 where nothing lies outside."""
    colours = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, max(len(series), 2)))
    for number, (one, colour) in enumerate(zip(series, colours, strict=False)):
        axes.plot(
            one.x,
            one.y,
            color=colour,
            marker=_MARKERS[number % len(_MARKERS)],
            markersize=5,
            markevery=max(1, len(one.x) // _MOST_MARKERS),
            label=one.name,
            clip_on=False,
            zorder=3,
        )
        if one.intervals is not None:
            low, high = zip(*one.intervals, strict=True)
            axes.fill_between(one.x, low, high, color=colour, alpha=0.25, linewidth=0)
        if one.chance is not None:
            axes.axhline(one.chance, color=colour, linestyle=":", linewidth=1)
    values = np.concatenate([np.asarray(one.y, np.float64) for one in series])
    if values.min() >= 0.0 and values.max() <= 1.0:
        axes.set_ylim(0.0, 1.0)
    measured = sorted({x for one in series for x in one.x})
    if len(measured) <= _MOST_TICKS:
        axes.set_xticks(measured, [f"{x:g}" for x in measured])
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
