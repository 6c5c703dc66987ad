"""Colours and marks that can be told apart, also by the colour-blind and in print."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.colors import to_hex

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
