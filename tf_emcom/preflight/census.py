"""What there is in a program that TPUs are slow at."""

from collections import Counter

from tf_emcom.preflight.hlo_program import Program
from tf_emcom.preflight.traffic import Cost, Traffic

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
