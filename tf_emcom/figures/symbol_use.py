"""Symbols by position."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tf_emcom.figures.picture import in_plain_style, write_png

_INCHES = 0.3  # a cell, where there are not too many
_LEAST, _MOST = 2.0, 10.0


@in_plain_style
def draw_symbol_use(shares: np.ndarray, path: str) -> None:
    """Draws how often each symbol is said at each position as a heat map, the largest share brightest, into a PNG.

    Args:
      shares: of the messages, [T, V] in [0, 1].
      path: of the file.
    """
    width, height = np.clip(np.array(shares.shape) * _INCHES, _LEAST, _MOST) + (1.8, 0.8)
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    brightest = float(shares.max())
    cells = axes.imshow(shares.T, cmap="viridis", vmin=0.0, vmax=brightest, aspect="auto", interpolation="nearest")
    axes.set_xlabel("position")
    axes.set_ylabel("symbol")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    figure.colorbar(cells, label="share of messages")
    write_png(figure, path)
