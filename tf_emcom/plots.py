"""Pictures of results, and the colours, marks and sizes of all plots, also of those in reports."""

import io
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from tf_emcom.files import write_whole

# Okabe and Ito 2008, "Color universal design", without black and yellow, which are invisible on one of two backgrounds.
BLUE, ORANGE, GREEN, PINK, YELLOW, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"
COLOURS = (BLUE, ORANGE, GREEN, PINK, YELLOW, SKY)
GREY = "#808080"
_MARKERS = "osD^vP*X"
_DASHES = ("-", (0, (6, 2)), (0, (2, 2)))
DOTS = (0, (1.2, 1.8))
# Inches; those of reports are smaller, since a page shows many.
_PANEL, _SINGLE, _LEGEND = (3.6, 3.6), (5.2, 4.0), 1.3
SMALL, WIDE = (3.1, 2.35), (5.0, 2.6)
# In place of the colour of text, which only a report's page knows: dark on white, light on black.
INK = "#010203"
REPORT_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tf_emcom",
    "font.size": 8.5,
    "axes.titlesize": 9,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    "axes.linewidth": 0.7,
    "text.parse_math": False,
    "axes.formatter.limits": (-3, 5),
}


class Mark(NamedTuple):
    """How a curve looks: a hexadecimal colour, and a marker and a line style of matplotlib's."""

    colour: str
    marker: str
    dash: str | tuple = "-"


def mark(number: int) -> Mark:
    """The mark of the n-th run; those of the same colour have different dashes."""
    return Mark(
        COLOURS[number % len(COLOURS)],
        _MARKERS[number % len(_MARKERS)],
        _DASHES[number // len(COLOURS) % len(_DASHES)],
    )


def shades(values: Sequence[object]) -> dict[object, Mark]:
    """Marks for the curves of one run, from dark to light, neither too dark nor too light for any background."""
    colours = zip(values, _dark_to_light(len(values), 0.2, 0.8), itertools.cycle(_MARKERS), strict=False)
    return {value: Mark(to_hex(colour), marker) for value, colour, marker in colours}


def _dark_to_light(count: int, darkest: float, lightest: float) -> np.ndarray:
    """Colours that differ in grey too, float [max(count, 2), 4]."""
    return matplotlib.colormaps["viridis"](np.linspace(darkest, lightest, max(count, 2)))


# Draws with matplotlib's own settings in place of those of a matplotlibrc or a notebook.
_in_plain_style = matplotlib.style.context("default")


def write_png(figure: Figure, path: str) -> None:
    """Writes a figure, also to cloud storage; the same figure gives the same bytes.

    Raises:
      UserError: it cannot be written there.
    """
    buffer = io.BytesIO()
    # Without its name and version in the file, which matplotlib would leave there.
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    write_whole(path, buffer.getvalue())


_MOST_MARKERS = 12  # on a curve
_MOST_TICKS = 8  # so many x values, or fewer, are ticks themselves
_MOST_IN_A_ROW = 4


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


@_in_plain_style
def draw_panels(
    panels: Mapping[str, Sequence[Series]], x_label: str, y_label: str, path: str, legend: str = ""
) -> None:
    """Draws curves side by side, four in a row, on axes of the same scale into a PNG file; `panels`: title → curves.

    The n-th curve of each panel has the same name, colour and marker, so that one legend is enough.
    """
    width, height = _SINGLE if len(panels) == 1 else _PANEL
    columns = min(len(panels), _MOST_IN_A_ROW)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(width * columns + _LEGEND, height * rows), layout="constrained")
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
    colours = _dark_to_light(len(series), 0.0, 0.85)
    for one, colour, marker in zip(series, colours, itertools.cycle(_MARKERS), strict=False):
        shown: dict[str, Any] = {"marker": marker, "markersize": 5, "markevery": max(1, len(one.x) // _MOST_MARKERS)}
        axes.plot(one.x, one.y, color=colour, label=one.name, clip_on=False, zorder=3, **shown)
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


_BORDER = 3
_GAP_BETWEEN_GAMES = 4
_LEAST_SIDE = 48  # pixels; smaller images are enlarged
_PAPER = 255
_RIGHT, _WRONG, _OTHER = (np.round(255 * np.array(to_rgb(c))).astype(np.uint8) for c in (GREEN, ORANGE, "#cdcdcd"))


def draw_games(images: np.ndarray, targets: np.ndarray, choices: np.ndarray) -> np.ndarray:
    """Draws a row for each game: its candidates, the right one in green, and a wrong choice in orange.

    Args:
      images: uint8 [G, C, height, width, 3], the candidates.
      targets: int [G], which of them the message is about.
      choices: int [G], which of them was chosen.

    Returns:
      uint8 [height, width, 3], with images enlarged by a whole number where they are small.
    """
    scale = max(1, -(-_LEAST_SIDE // min(images.shape[2:4])))
    images = images.repeat(scale, axis=2).repeat(scale, axis=3)
    colours = np.tile(_OTHER, (*images.shape[:2], 1))
    games = range(len(images))
    colours[games, choices], colours[games, targets] = _WRONG, _RIGHT
    border, gap = ((_BORDER, _BORDER),) * 2, ((0, _GAP_BETWEEN_GAMES),) * 2
    inside = np.pad(np.ones(images.shape[2:4], bool), border)[..., None]
    tiles = np.where(inside, np.pad(images, ((0, 0), (0, 0), *border, (0, 0))), colours[:, :, None, None])
    tiles = np.pad(tiles, ((0, 0), (0, 0), *gap, (0, 0)), constant_values=_PAPER)
    rows = np.concatenate(np.concatenate(tiles, axis=1), axis=1)
    return np.pad(rows, ((_GAP_BETWEEN_GAMES, 0), (_GAP_BETWEEN_GAMES, 0), (0, 0)), constant_values=_PAPER)


_PER_BAND = 8  # pairs beside each other
_IMAGE_INCHES = 0.9  # an image's width
_LABEL_INCHES = 1.3
_GAP = 0.04  # between images, in widths of one; twice that between bands


@_in_plain_style
def draw_image_pairs(originals: np.ndarray, reconstructions: np.ndarray, path: str) -> None:
    """Draws originals above their reconstructions into a PNG file, in bands of up to eight pairs.

    Both are [N, height, width, 3], float in [−1, 1] or uint8; what lies beyond the limits is cut off.
    """
    height, width = originals.shape[1:3]
    gap = max(1, round(_GAP * width))
    bands, columns = -(-len(originals) // _PER_BAND), min(len(originals), _PER_BAND)
    band_height = 2 * height + 3 * gap
    canvas = np.ones((bands * band_height - 2 * gap, columns * (width + gap) - gap, 3))
    ticks = {}
    for row, images, name in ((0, originals, "original"), (1, reconstructions, "reconstruction")):
        for place, image in enumerate(_in_unit_interval(images)):
            band, column = divmod(place, _PER_BAND)
            top, left = band * band_height + row * (height + gap), column * (width + gap)
            canvas[top : top + height, left : left + width] = image
            ticks[top + height / 2] = name
    size = (canvas.shape[1] / width * _IMAGE_INCHES + _LABEL_INCHES, canvas.shape[0] / width * _IMAGE_INCHES)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.imshow(canvas, interpolation="nearest")
    axes.set_yticks(list(ticks), list(ticks.values()), fontsize=9)
    axes.set_anchor("E")
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    write_png(figure, path)


def _in_unit_interval(images: np.ndarray) -> np.ndarray:
    scaled = images / 255.0 if images.dtype == np.uint8 else (images + 1.0) / 2.0
    return np.clip(scaled, 0.0, 1.0)


_CELL_INCHES = 0.3  # a cell, where there are not too many
_LEAST, _MOST = 2.0, 10.0


@_in_plain_style
def draw_symbol_use(shares: np.ndarray, path: str) -> None:
    """Draws the share of messages that have each symbol at each position, [T, V] in [0, 1], as a heat map into a PNG.

    The largest share is brightest.
    """
    width, height = np.clip(np.array(shares.shape) * _CELL_INCHES, _LEAST, _MOST) + (1.8, 0.8)
    figure = Figure(figsize=(width, height), layout="constrained")
    add_heat_map(figure, shares, "position", cmap="viridis", interpolation="nearest")
    write_png(figure, path)


def add_heat_map(figure: Figure, shares: np.ndarray, x_label: str, **look: Any) -> Axes:
    """Adds axes with a heat map of how often each symbol is said at each position, [T, V], and a colour bar."""
    axes = figure.subplots()
    cells = axes.imshow(shares.T, vmin=0.0, vmax=float(shares.max()), aspect="auto", **look)
    axes.set_xlabel(x_label)
    axes.set_ylabel("symbol")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    figure.colorbar(cells, label="share of messages")
    return axes
