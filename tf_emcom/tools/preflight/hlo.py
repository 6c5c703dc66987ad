"""Compiled programs, read from XLA's protocol buffers."""

import math
import operator
import re
from typing import Any

from tensorflow.compiler.xla import xla_data_pb2
from tensorflow.compiler.xla.service import hlo_pb2

Instruction = hlo_pb2.HloInstructionProto
Array = xla_data_pb2.ShapeProto
# The instructions of one computation, by their numbers.
Computation = dict[int, Instruction]

_KNOWN = re.compile(rb'"known_trip_count":\{"n":"(\d+)"\}')
# Of what a loop counts with.
_INTEGERS = ("s32s", "s64s", "u32s", "u64s")
_COUNTED = tuple(map(xla_data_pb2.PrimitiveType.Value, ("TUPLE", "PRED", "S32", "S64", "U32", "U64")))
_COMPARED = {name: getattr(operator, name.lower()) for name in ("EQ", "NE", "LT", "LE", "GT", "GE")}
_MOVED = ("copy", "bitcast", "convert", "reshape", "copy-done", "copy-start")
_FOLLOWED = (*_MOVED, "tuple", "get-tuple-element", "fusion", "add", "compare")
_MOST_ROUNDS = 100_000


def arrays_of(instruction: Instruction) -> list[Array]:
    """The results of an instruction, in order; a tuple is several."""
    return _leaves(instruction.shape)


def _leaves(shape: Array) -> list[Array]:
    if shape.element_type != xla_data_pb2.TUPLE:
        return [shape]
    return [leaf for part in shape.tuple_shapes for leaf in _leaves(part)]


def elements_of(array: Array) -> int:
    """Number of elements, without padding."""
    return math.prod(array.dimensions)


def bytes_of(array: Array) -> int:
    """Bytes in memory, padded to whole tiles."""
    # Further tiles, inside the first one, only order its elements. A dimension that joins the next one is negative.
    tile = [max(1, size) for size in array.layout.tiles[0].dimensions] if array.layout.tiles else []
    order = array.layout.minor_to_major or range(len(array.dimensions))[::-1]
    physical = [array.dimensions[dimension] for dimension in reversed(order)]
    physical = [1] * (len(tile) - len(physical)) + physical
    for place, size in enumerate(reversed(tile), 1):
        physical[-place] = -(-physical[-place] // size) * size
    return math.prod(physical) * _bits(array) // 8


def hbm_bytes_of(array: Array) -> int:
    """Bytes in HBM; 0 for an array on the chip, in another memory space."""
    return 0 if array.layout.memory_space else bytes_of(array)


def _bits(array: Array) -> int:
    """Bits of an element: 16 for BF16, 8 for F8E5M2; 0 for what is no number, such as a token."""
    name = xla_data_pb2.PrimitiveType.Name(array.element_type)
    found = re.match(r"[A-Z]+(\d+)", "PRED8" if name == "PRED" else name)
    return int(found[1]) if found else 0


class Program:
    """The computations of an HLO module by their numbers, one of which is the `entry`."""

    def __init__(self, serialized: bytes) -> None:
        module = hlo_pb2.HloModuleProto.FromString(serialized)
        self.entry = module.entry_computation_id
        self.computations: dict[int, Computation] = {}
        self._roots = {computation.id: computation.root_id for computation in module.computations}
        for computation in module.computations:
            found = {each.id: each for each in computation.instructions}
            # In the order in which they run, where the compiler has chosen one.
            order = module.schedule.sequences[computation.id].instruction_ids or found
            self.computations[computation.id] = {number: found[number] for number in order}

    def root(self, computation: int) -> Instruction:
        """The instruction that a computation returns."""
        return self.computations[computation][self._roots[computation]]

    def parameters(self, computation: int) -> list[int]:
        """The numbers of the instructions that are a computation's parameters, in their order."""
        found = [each for each in self.computations[computation].values() if each.opcode == "parameter"]
        return [each.id for each in sorted(found, key=lambda each: each.parameter_number)]

    def instructions(self) -> list[Instruction]:
        """The instructions of all computations."""
        return [each for computation in self.computations.values() for each in computation.values()]


def trip_count(program: Program, computation: int, loop: Instruction) -> int | None:
    """How often the body of a `while` in a computation runs; None where it is only known when the program runs.

    The number is the compiler's, or found by counting, from the constants in its state, as the body changes them.
    """
    if known := _KNOWN.search(loop.backend_config):
        return int(known[1])
    body, condition = loop.called_computation_ids
    state = _value(program, computation, loop.operand_ids[0], [])
    for rounds in range(_MOST_ROUNDS):
        goes_on = _value(program, condition, program.root(condition).id, [state])
        if not goes_on:
            return None if goes_on is None else rounds
        state = _value(program, body, program.root(body).id, [state])
    return None


def _value(program: Program, computation: int, number: int, arguments: list[Any]) -> Any:
    """An integer that an instruction makes, or a tuple of such; None where it is only known when the program runs."""
    each = program.computations[computation][number]
    if each.shape.dimensions or each.shape.element_type not in _COUNTED:
        return None
    if each.opcode == "parameter":
        return arguments[each.parameter_number] if arguments else None
    if each.opcode == "constant":
        return next((value for kind in _INTEGERS for value in getattr(each.literal, kind)), None)
    if each.opcode not in _FOLLOWED:
        return None
    operands = [_value(program, computation, operand, arguments) for operand in each.operand_ids]
    if each.opcode == "tuple":
        return tuple(operands)
    if each.opcode == "fusion":
        (called,) = each.called_computation_ids
        return _value(program, called, program.root(called).id, operands)
    if None in operands:
        return None
    if each.opcode == "get-tuple-element":
        return operands[0][each.tuple_index]
    if each.opcode == "add":
        return sum(operands)
    return _COMPARED[each.comparison_direction](*operands) if each.opcode == "compare" else operands[0]
