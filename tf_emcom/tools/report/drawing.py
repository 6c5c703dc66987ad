"""Figures of a report."""

import io
import re
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from tf_emcom.files import checksum

# Okabe and Ito 2008, "Color universal design", without black and yellow, which one of two backgrounds swallows.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_MARKERS = "osD^vP*X"
_DASHES = ("-", (0, (6, 2)), (0, (2, 2)))


class Mark(NamedTuple):
    """How a curve looks.

    Attributes:
      colour: hexadecimal.
      marker: one of matplotlib's.
      dash: a line style of matplotlib's.
    """

    colour: str
    marker: str
    dash: str | tuple = "-"

    @property
    def dashed(self) -> "Mark":
        """The same, dotted: for the second curve of the same run."""
        return self._replace(dash=(0, (1.2, 1.8)))


def mark(number: int) -> Mark:
    """The mark of the n-th run; dashes tell those apart that have one colour."""
    return Mark(
        _COLOURS[number % len(_COLOURS)],
        _MARKERS[number % len(_MARKERS)],
        _DASHES[number // len(_COLOURS) % len(_DASHES)],
    )


def shades(values: Sequence[object]) -> dict[object, Mark]:
    """Marks for the curves of one run, from dark to light, neither too dark nor too light for any background."""
    colours = matplotlib.colormaps["viridis"](np.linspace(0.2, 0.8, max(len(values), 2)))
    return {
        value: Mark(to_hex(colour), _MARKERS[number % len(_MARKERS)])
        for number, (value, colour) in enumerate(zip(values, colours, strict=False))
    }


# Stands for "the colour of text", which only the page knows: on white it is dark, on black light.
_INK = "#010203"
_SMALL_INCHES = (3.1, 2.35)
_WIDE_INCHES = (5.0, 2.6)
_MOST_TICKS = 7  # so many x values, or fewer, are ticks themselves
_MOST_MARKERS = 10  # on a curve
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tf_emcom",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.linewidth": 0.7,
    "text.parse_math": False,
    "axes.formatter.limits": (-3, 5),
}
_FILL = LinearSegmentedColormap.from_list("fill", [(0.0, 0.447, 0.698, 0.0), (0.0, 0.447, 0.698, 1.0)])


class Curve(NamedTuple):
    """One curve."""

    x: Sequence[float]
    y: Sequence[float]
    mark: Mark
    band: Sequence[tuple[float, float]] | None = None  # around each y
    faint: bool = False  # one of many of the same kind
    marked: bool = True  # whether measured points are shown as such


class Panel(NamedTuple):
    """What is drawn on a pair of axes.

    Attributes:
      curves: on them.
      x_label: with its unit.
      y_label: with its unit.
      title: above.
      limits: of y; None: as the curves need it.
      levels: horizontal lines, such as chance, each with its colour.
      beside: curves on a second y axis from 0 to 1.
      beside_label: of that axis.
    """

    curves: Sequence[Curve]
    x_label: str
    y_label: str
    title: str = ""
    limits: tuple[float, float] | None = None
    levels: Sequence[tuple[float, str]] = ()
    beside: Sequence[Curve] = ()
    beside_label: str = ""


class Plot(NamedTuple):
    """A drawn panel: `<svg>` as text, and what it shows in words."""

    svg: str
    words: str


def draw(panel: Panel, wide: bool = False) -> Plot:
    """Draws a panel; the same panel gives the same text."""
    with matplotlib.style.context(["default", _STYLE]):
        figure = Figure(figsize=_WIDE_INCHES if wide else _SMALL_INCHES, layout="constrained")
        axes = figure.subplots()
        for curve in panel.curves:
            _draw(axes, curve)
        for level, colour in dict.fromkeys(panel.levels):
            axes.axhline(level, color=colour, linestyle=":", linewidth=1, zorder=1)
        _dress(axes, panel)
        if panel.beside:
            _draw_beside(axes, panel)
        return Plot(_as_svg(figure), f"{panel.title or panel.y_label}: {panel.y_label} by {panel.x_label}")


def draw_heat_map(shares: np.ndarray, title: str) -> Plot:
    """Draws how often each symbol is said at each position, [T, V] in [0, 1], the largest share fullest."""
    with matplotlib.style.context(["default", _STYLE]):
        length, vocabulary = shares.shape
        height = float(np.clip(0.16 * vocabulary + 0.7, 1.9, 6.0))
        width = float(np.clip(0.24 * length + 1.6, 2.8, 6.4))
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots()
        shown = {"cmap": _FILL, "vmin": 0.0, "vmax": shares.max(), "aspect": "auto", "interpolation": "none"}
        cells = axes.imshow(shares.T, **shown)
        axes.set_xlabel("position in the message")
        axes.set_ylabel("symbol")
        axes.set_title(title, parse_math=False)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True))
        figure.colorbar(cells, label="share of messages")
        return Plot(_as_svg(figure), f"{title}: share of messages that have a symbol at a position")


def _draw(axes: Axes, curve: Curve) -> None:
    """A curve, with what is around it as a band; what is not finite is a gap."""
    colour, marker, dash = curve.mark
    every = max(1, len(curve.x) // _MOST_MARKERS)
    shown = {"marker": marker, "markersize": 4, "markevery": every} if curve.marked and not curve.faint else {}
    width, alpha = (0.6, 0.45) if curve.faint else (1.6, 1.0)
    axes.plot(
        curve.x, curve.y, color=colour, linestyle=dash, linewidth=width, alpha=alpha, clip_on=False, zorder=3, **shown
    )
    if curve.band:
        low, high = zip(*curve.band, strict=True)
        axes.fill_between(curve.x, low, high, color=colour, alpha=0.18, linewidth=0)


def _dress(axes: Axes, panel: Panel) -> None:
    """Titles, labels, limits, ticks."""
    axes.set_title(panel.title, parse_math=False)
    axes.set_xlabel(panel.x_label, parse_math=False)
    axes.set_ylabel(panel.y_label, parse_math=False)
    if panel.limits:
        axes.set_ylim(*panel.limits)
    places = sorted({x for curve in panel.curves for x in curve.x})
    if len(places) <= _MOST_TICKS:
        axes.set_xticks(places, [f"{x:g}" if abs(x) < 1000 else f"{x:,.0f}" for x in places])
    elif places[-1] >= 1000:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axes.set_xlim(0, None)
    elif all(float(x).is_integer() for x in places):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color=_INK, alpha=0.13, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_beside(axes: Axes, panel: Panel) -> None:
    second = axes.twinx()
    for curve in panel.beside:
        second.plot(curve.x, curve.y, color=curve.mark.colour, linestyle=(0, (4, 2)), linewidth=1, alpha=0.8)
        second.fill_between(curve.x, 0, curve.y, color=curve.mark.colour, alpha=0.06, linewidth=0)
    second.set_ylim(0, 1)
    second.set_ylabel(panel.beside_label)
    second.spines[["top", "left"]].set_visible(False)
    axes.set_zorder(second.get_zorder() + 1)
    axes.patch.set_visible(False)


def _as_svg(figure: Figure) -> str:
    """The `<svg>` of a figure for the inside of a page: no fonts and colours of its own, no identifiers in vain."""
    text = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (xmlns(:xlink)?|version)="[^"]*"', "", svg).replace("xlink:href=", "href=")
    svg = re.sub(r'(<svg) [^>]*?viewBox="([^"]+)"[^>]*>', r'\1 viewBox="\2">', svg, count=1)
    # Matplotlib's own fonts are not there.
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r"font-family: [^;\"]*; ?", "", svg)
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    # Several plots are in one page, where an identifier must be one thing.
    own = f"p{checksum(svg):08x}-"
    svg = re.sub(r' id="([^"]*)"', lambda found: f' id="{own}{found[1]}"' if found[1] in used else "", svg)
    return re.sub(r'(url\(#|href="#)', rf"\1{own}", svg)
