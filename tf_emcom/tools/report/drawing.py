"""Figures of a report."""

import io
import re
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from tf_emcom.files import checksum
from tf_emcom.plots import BLUE, INK, REPORT_STYLE, SMALL, WIDE, Mark, add_heat_map

_MOST_TICKS = 7  # so many x values, or fewer, are ticks themselves
_MOST_MARKERS = 10  # on a curve
_FILL = LinearSegmentedColormap.from_list("fill", [(*to_rgb(BLUE), 0.0), (*to_rgb(BLUE), 1.0)])


class Curve(NamedTuple):
    """One curve."""

    x: Sequence[float]
    y: Sequence[float]
    mark: Mark
    band: Sequence[tuple[float, float]] | None = None  # around each y
    faint: bool = False  # one of many of the same kind
    marked: bool = True  # whether measured points are shown as such


class Panel(NamedTuple):
    """What is drawn on a pair of axes; labels have units."""

    curves: Sequence[Curve]
    x_label: str
    y_label: str
    title: str = ""
    limits: tuple[float, float] | None = None  # of y; None: as the curves need it
    levels: Sequence[tuple[float, str]] = ()  # horizontal lines, such as chance, each with its colour
    beside: Sequence[Curve] = ()  # on a second y axis from 0 to 1
    beside_label: str = ""


class Plot(NamedTuple):
    """A drawn panel: `<svg>` as text, and what it shows in words."""

    svg: str
    words: str


def draw(panel: Panel, wide: bool = False) -> Plot:
    """Draws a panel; the same panel gives the same text."""
    with matplotlib.style.context(["default", REPORT_STYLE]):
        figure = Figure(figsize=WIDE if wide else SMALL, layout="constrained")
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
    """Draws how often each symbol is said at each position, [T, V] in [0, 1], the largest share darkest."""
    with matplotlib.style.context(["default", REPORT_STYLE]):
        length, vocabulary = shares.shape
        height = float(np.clip(0.16 * vocabulary + 0.7, 1.9, 6.0))
        width = float(np.clip(0.24 * length + 1.6, 2.8, 6.4))
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = add_heat_map(figure, shares, "position in the message", cmap=_FILL, interpolation="none")
        axes.set_title(title, parse_math=False)
        return Plot(_as_svg(figure), f"{title}: share of messages that have a symbol at a position")


def _draw(axes: Axes, curve: Curve) -> None:
    """A curve and its band; numbers that are not finite are gaps."""
    colour, marker, dash = curve.mark
    every = max(1, len(curve.x) // _MOST_MARKERS)
    shown = {"marker": marker, "markersize": 4, "markevery": every} if curve.marked and not curve.faint else {}
    width, alpha = (0.6, 0.45) if curve.faint else (1.6, 1.0)
    look = {"color": colour, "linestyle": dash, "linewidth": width, "alpha": alpha, **shown}
    axes.plot(curve.x, curve.y, clip_on=False, zorder=3, **look)
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
    axes.grid(color=INK, alpha=0.13, linewidth=0.5)
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
    """The `<svg>` of a figure for a page: without fonts, a colour of text, and identifiers that nothing refers to."""
    text = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (xmlns(:xlink)?|version)="[^"]*"', "", svg).replace("xlink:href=", "href=")
    svg = re.sub(r'(<svg) [^>]*?viewBox="([^"]+)"[^>]*>', r'\1 viewBox="\2">', svg, count=1)
    # Matplotlib's own fonts are not on the page.
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r"font-family: [^;\"]*; ?", "", svg)
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    # Identifiers of several plots on one page must differ.
    own = f"p{checksum(svg):08x}-"
    svg = re.sub(r' id="([^"]*)"', lambda found: f' id="{own}{found[1]}"' if found[1] in used else "", svg)
    return re.sub(r'(url\(#|href="#)', rf"\1{own}", svg)
