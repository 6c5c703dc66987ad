"""Pairs of images."""

import numpy as np
from matplotlib.figure import Figure

from tf_emcom.figures.picture import in_plain_style, write_png

_PER_BAND = 8  # pairs beside each other
_INCHES = 0.9  # an image's width
_LABEL_INCHES = 1.3
_GAP = 0.04  # between images, in widths of one; twice that between bands


@in_plain_style
def draw_image_pairs(originals: np.ndarray, reconstructions: np.ndarray, path: str) -> None:
    """Draws originals above their reconstructions into a PNG file, in bands of up to eight pairs.

    Args:
      originals: [N, height, width, 3], float in [−1, 1] or uint8.
      reconstructions: of the same shape; what lies beyond the limits is cut off.
      path: of the file.
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
    size = (canvas.shape[1] / width * _INCHES + _LABEL_INCHES, canvas.shape[0] / width * _INCHES)
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
