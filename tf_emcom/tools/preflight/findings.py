"""Slow operations and expensive lines of a compiled step."""

import os
import re
import sysconfig
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf
from tensorflow.compiler.xla import xla_data_pb2

from tf_emcom.tools.preflight.hlo import Computation, Instruction, Program, arrays_of, bytes_of
from tf_emcom.tools.preflight.traffic import Cost, Traffic


class Refused(Exception):  # noqa: N818 a finding about the configuration, not a fault
    """The step cannot run on the chip; the text is the reason, a sentence or two."""


_SLOW = ("gather", "scatter", "sort", "while", "conditional")
_LONG = (xla_data_pb2.S64, xla_data_pb2.U64)
_NO_WORK = ("parameter", "constant", "tuple", "get-tuple-element")


def slow_operations(program: Program) -> dict[str, int]:
    """Opcode → number of its instructions in a compiled program."""
    found = Counter(each.opcode for each in program.instructions())
    return {opcode: found[opcode] for opcode in _SLOW}


def long_integers(exported: Program) -> int:
    """Number of operations of an exported program with integers of 64 bits, which TPUs emulate."""
    return sum(
        each.opcode not in _NO_WORK and any(array.element_type in _LONG for array in arrays_of(each))
        for each in exported.instructions()
    )


def stack_copies(traffic: Traffic, stacks: set[tuple[int, ...]]) -> list[Cost]:
    """Instructions that write a whole stack of several agents' variables to HBM, though a turn changes one row."""
    return [
        cost
        for cost in traffic.costs
        for array, written in zip(arrays_of(cost.instruction), cost.results, strict=False)
        if tuple(array.dimensions) in stacks and written >= cost.times * bytes_of(array)
    ]


_GRADIENT = "gradient_tape"
_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_PACKAGE = os.path.dirname(os.path.dirname(_HERE[:-1])) + os.sep
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
    """The line of Python that made each op of a graph: the innermost one outside of libraries."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[str, int]] = {}

    def note(self, graph: tf.Graph) -> None:
        """Notes the lines of all ops of a graph during tracing; a finished function does not have them."""
        for operation in graph.get_operations():
            frames = (frame for frame in reversed(operation.traceback or ()) if _is_ours(frame.filename))
            if frame := next(frames, None):
                self._lines[operation.name] = (frame.filename, frame.lineno)

    def of(self, op_name: str) -> Line | None:
        """The line of an op by its name in a compiled program; None if it is unknown.

        Ops inside a loop have the line of the loop; ops of a gradient have the line that is differentiated.
        """
        parts = _CALL.sub("", op_name).split("/")
        is_gradient = parts[0] == _GRADIENT
        parts = parts[is_gradient:]
        for end in range(len(parts), 0, -1):
            if found := self._lines.get("/".join(parts[:end])):
                return Line(*found, is_gradient)
        return None

    def complete(self, file: str) -> str:
        """The whole path of a file, given its end."""
        known = sorted({path for path, _ in self._lines.values()})
        return next((path for path in known if path.endswith(f"{os.sep}{file}") or path == file), file)


def _is_ours(file: str) -> bool:
    """Whether a file is tf_emcom's or the user's."""
    if file.startswith(("<", _HERE)):
        return False
    return file.startswith(_PACKAGE) or not file.startswith(_LIBRARIES)


class HotLine(NamedTuple):
    """The costs of one line in a turn."""

    place: str
    moved: int  # bytes between chip and HBM
    products: int  # floating-point operations
    cycles: int  # by the compiler's own model


def hot_lines(traffic: Traffic, lines: SourceLines) -> list[HotLine]:
    """The costs of all lines, those first that move most."""
    costs: dict[str, list[Cost]] = defaultdict(list)
    for cost in traffic.costs:
        related = _related(traffic.program.computations[cost.computation], cost.instruction)
        known = (line for each in related if (line := lines.of(each.metadata.op_name)))
        costs[str(next(known, "an unknown line"))].append(cost)
    found = [
        HotLine(place, sum(c.moved for c in own), sum(c.work.products for c in own), sum(c.cycles for c in own))
        for place, own in costs.items()
    ]
    return sorted(found, key=lambda each: (-each.moved, -each.cycles, each.place))


def _related(here: Computation, start: Instruction) -> Iterator[Instruction]:
    """An instruction, those that made its input and, for a copy of an argument, those that use it."""
    yield start
    source = start
    while source.operand_ids:
        source = here[source.operand_ids[0]]
        if source.opcode != "parameter":
            yield source
    derived = {start.id}
    for each in here.values():
        if derived & set(each.operand_ids):
            yield each
            derived.add(each.id)
