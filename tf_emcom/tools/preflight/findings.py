"""What is worth knowing of a compiled step."""

import os
import re
import sysconfig
from collections import Counter, defaultdict
from typing import NamedTuple

import tensorflow as tf

from tf_emcom.tools.preflight.hlo import Instruction, Program
from tf_emcom.tools.preflight.traffic import Cost, Traffic


class Refused(Exception):  # noqa: N818 a finding about the configuration, not a fault
    """The step cannot run on the chip, for the reason that it tells in a sentence or two."""


_SLOW = ("gather", "scatter", "sort", "while", "conditional")
_NO_WORK = ("parameter", "constant", "tuple", "get-tuple-element")


def slow_operations(program: Program) -> dict[str, int]:
    """Opcode → how often it stands in a compiled program."""
    found = Counter(each.opcode for each in program.instructions())
    return {opcode: found[opcode] for opcode in _SLOW}


def long_integers(exported: Program) -> int:
    """How many operations of an exported program compute with integers of 64 bits, which TPUs put together."""
    return sum(
        each.opcode not in _NO_WORK and any(array.dtype in ("s64", "u64") for array in each.arrays)
        for each in exported.instructions()
    )


def stack_copies(traffic: Traffic, stacks: set[tuple[int, ...]]) -> list[Cost]:
    """What writes the whole of a stack of several agents' variables to HBM, though a turn changes one row."""
    return [
        cost
        for cost in traffic.costs
        for array, written in zip(cost.instruction.arrays, cost.results, strict=False)
        if array.shape in stacks and written >= cost.times * array.bytes
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


_UNKNOWN = "the compiler does not say"


class HotLine(NamedTuple):
    """What one line makes the chip do, a turn."""

    place: str
    moved: int  # bytes between chip and HBM
    products: int  # floating-point operations
    cycles: int  # by the compiler's own model


def hot_lines(traffic: Traffic, lines: SourceLines) -> list[HotLine]:
    """All lines, those first that move most."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for cost in traffic.costs:
        total = totals[str(_line(traffic.program, cost, lines) or _UNKNOWN)]
        for place, value in enumerate((cost.moved, cost.work.products, cost.cycles)):
            total[place] += value
    found = [HotLine(place, *total) for place, total in totals.items()]
    return sorted(found, key=lambda each: (-each.moved, -each.cycles, each.place))


def _line(program: Program, cost: Cost, lines: SourceLines) -> Line | None:
    """The line of an instruction, of what made its input, or, for a copy of an argument, of what uses it first."""
    here = program.computations[cost.computation]
    if own := lines.of(cost.instruction.op_name):
        return own
    source: Instruction | None = cost.instruction
    while source and source.operands:
        source = here.get(source.operands[0])
        if source and source.opcode != "parameter" and (found := lines.of(source.op_name)):
            return found
    return _first_use(here, cost.instruction, lines)


def _first_use(here: dict[str, Instruction], made: Instruction, lines: SourceLines) -> Line | None:
    waiting = {made.name}
    for each in here.values():
        if waiting & set(each.operands):
            if found := lines.of(each.op_name):
                return found
            waiting.add(each.name)
    return None
