"""Compiled programs, read from XLA's protocol buffers."""

import math
import re

from tensorflow.compiler.xla import xla_data_pb2
from tensorflow.compiler.xla.service import hlo_pb2

Instruction = hlo_pb2.HloInstructionProto
Array = xla_data_pb2.ShapeProto
# The instructions of one computation, by their numbers.
Computation = dict[int, Instruction]

_INTEGERS = ("s32s", "s64s", "u32s", "u64s")
_KNOWN = re.compile(rb'"known_trip_count":\{"n":"(\d+)"\}')
_SAME = ("copy", "bitcast", "convert", "reshape", "copy-done", "copy-start")


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

    The number is the compiler's, or follows from a condition `counter < limit` of a counter that starts at a constant
    and grows by one.
    """
    if known := _KNOWN.search(loop.backend_config):
        return int(known[1])
    body, condition = loop.called_computation_ids
    direction, sides = _comparison(program, condition)
    if direction not in ("LT", "LE", "GT", "GE"):
        return None
    counter, bound = (_source(program.computations[condition], side) for side in sides)
    if direction in ("GT", "GE"):
        counter, bound = bound, counter
    if counter.opcode != "get-tuple-element" or not _grows_by_one(program, body, counter.tuple_index):
        return None
    here = program.computations[computation]
    state = _source(here, loop.operand_ids[0])
    if bound.opcode == "get-tuple-element" and _is_kept(program, body, bound.tuple_index):
        bound = _element(here, state, bound.tuple_index)
    start, limit = _constant(_element(here, state, counter.tuple_index)), _constant(bound)
    return None if start is None or limit is None else max(0, limit - start + (direction in ("LE", "GE")))


def _comparison(program: Program, condition: int) -> tuple[str, list[int]]:
    """The direction of the comparison that a condition returns, and its two sides in the condition itself."""
    root = _source(program.computations[condition], program.root(condition).id)
    if root.opcode != "fusion":
        return root.comparison_direction, list(root.operand_ids)
    (called,) = root.called_computation_ids
    arguments = dict(zip(program.parameters(called), root.operand_ids, strict=False))
    inner = program.root(called)
    if all(side in arguments for side in inner.operand_ids):
        return inner.comparison_direction, [arguments[side] for side in inner.operand_ids]
    return "", []


def _source(computation: Computation, number: int) -> Instruction:
    """The instruction that made a value which others only moved or renamed."""
    found = computation[number]
    while found.opcode in _SAME:
        found = computation[found.operand_ids[0]]
    return found


def _element(here: Computation, state: Instruction, place: int) -> Instruction | None:
    """The instruction that makes an element of a loop's state; None if it is unknown."""
    return _source(here, state.operand_ids[place]) if state.opcode == "tuple" else None


def _constant(instruction: Instruction | None) -> int | None:
    if instruction is None or instruction.opcode != "constant":
        return None
    values = [value for kind in _INTEGERS for value in getattr(instruction.literal, kind)]
    return values[0] if len(values) == 1 else None


def _is_kept(program: Program, body: int, place: int) -> bool:
    found = _element(program.computations[body], program.root(body), place)
    return found is not None and found.opcode == "get-tuple-element" and found.tuple_index == place


def _grows_by_one(program: Program, body: int, place: int) -> bool:
    found = _element(program.computations[body], program.root(body), place)
    if found is not None and found.opcode == "fusion":
        (body,) = found.called_computation_ids
        found = program.root(body)
    if found is None or found.opcode != "add":
        return False
    return any(_constant(_source(program.computations[body], number)) == 1 for number in found.operand_ids)
