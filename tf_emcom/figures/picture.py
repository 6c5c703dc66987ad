"""Writing a figure."""

import functools
import io
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import matplotlib.style
from matplotlib.figure import Figure

from tf_emcom.files import write_whole

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def in_plain_style(draw: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """The function, run with matplotlib's own settings, whatever a matplotlibrc or a notebook has; they stay theirs."""

    @functools.wraps(draw)
    def drawn(*given: _Given.args, **named: _Given.kwargs) -> _Result:
        with matplotlib.style.context("default"):
            return draw(*given, **named)

    return drawn


def write_png(figure: Figure, path: str) -> None:
    """Writes a figure, also to cloud storage; the same figure gives the same bytes.

    Raises:
      UserError: it cannot be written there.
    """
    buffer = io.BytesIO()
    # Without its name and version in the file, which matplotlib would leave there.
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    write_whole(path, buffer.getvalue())
