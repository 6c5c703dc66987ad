"""Which lines of Python cost most."""

from collections import defaultdict
from typing import NamedTuple

from tf_emcom.preflight.hlo_program import Instruction, Program
from tf_emcom.preflight.source_lines import Line, SourceLines
from tf_emcom.preflight.traffic import Cost, Traffic

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
