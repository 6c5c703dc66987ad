"""Which Python line made an op."""

import os
import re
import sysconfig
from typing import NamedTuple

import tensorflow as tf

_GRADIENT = "gradient_tape"
_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_PACKAGE = os.path.dirname(_HERE[:-1]) + os.sep
_LIBRARIES = tuple(sysconfig.get_path(name) + os.sep for name in ("stdlib", "purelib", "platlib"))
# XLA puts the call of a function before the names of what is in it.
_CALL = re.compile(r"^(call(\.\d+)?/)+")


class Line(NamedTuple):
    """A line of Python."""

    file: str
    number: int
    is_gradient: bool  # whether the op is from the gradient of what the line computes

    def __str__(self) -> str:
        inside = os.path.relpath(self.file)
        file = self.file if inside.startswith("..") else inside
        return f"{'gradient of ' if self.is_gradient else ''}{file}:{self.number}"


class SourceLines:
    """The lines that made the ops of a graph: the innermost one that is not a library's own."""

    def __init__(self) -> None:
        """Knows no op yet."""
        self._lines: dict[str, tuple[str, int]] = {}

    def note(self, graph: tf.Graph) -> None:
        """Notes all ops of a graph while it is traced: once it is a function, it forgets where they are from."""
        for operation in graph.get_operations():
            for frame in reversed(operation.traceback or ()):
                if _is_ours(frame.filename):
                    self._lines[operation.name] = (frame.filename, frame.lineno)
                    break

    def of(self, op_name: str) -> Line | None:
        """The line of an op by the name that a compiled program calls it; None where nobody knows.

        Ops within a loop have the line of the loop; ops of a gradient that of the op that it is the gradient of.
        """
        parts = _CALL.sub("", op_name).split("/")
        is_gradient = parts[0] == _GRADIENT
        parts = parts[is_gradient:]
        for end in range(len(parts), 0, -1):
            if found := self._lines.get("/".join(parts[:end])):
                return Line(*found, is_gradient)
        return None

    def complete(self, file: str) -> str:
        """A file's whole path where only its end is known."""
        known = {path for path, _ in self._lines.values()}
        return next((path for path in sorted(known) if path.endswith(f"{os.sep}{file}") or path == file), file)


def _is_ours(file: str) -> bool:
    """Whether a file is tf_emcom's or the user's."""
    if file.startswith(("<", _HERE)):
        return False
    return file.startswith(_PACKAGE) or not file.startswith(_LIBRARIES)
