"""Compiled programs, as XLA prints them."""

import math
import re
from typing import NamedTuple

# Bits an element.
_BITS = {
    **{"pred": 8, "s4": 4, "u4": 4, "s8": 8, "u8": 8, "s16": 16, "u16": 16, "f16": 16, "bf16": 16},
    **{"s32": 32, "u32": 32, "f32": 32, "s64": 64, "u64": 64, "f64": 64, "c64": 64, "c128": 128},
    **{"f8e5m2": 8, "f8e4m3fn": 8, "f8e4m3b11fnuz": 8},
}
_ARRAY = re.compile(r"\b([a-z]+[0-9a-z]*)\[([0-9,]*)\](?:\{([^{}]*)\})?")
_TILE = re.compile(r"T((?:\([0-9,*]+\))+)")
_SPACE = re.compile(r"S\((\d+)\)")

# Memory spaces as TPU programs number them: without a number it is HBM.
HBM = 0


class HloArray(NamedTuple):
    """One array; a tuple is several."""

    dtype: str
    shape: tuple[int, ...]
    minor_to_major: tuple[int, ...] | None  # None: the last dimension is the innermost
    tile: tuple[int, ...]  # the innermost dimensions are padded to multiples of it
    space: int

    @property
    def elements(self) -> int:
        """How many, without padding."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """What it takes in memory, padded to whole tiles."""
        order = self.minor_to_major or tuple(reversed(range(len(self.shape))))
        physical = [self.shape[dimension] for dimension in reversed(order)]
        physical = [1] * (len(self.tile) - len(physical)) + physical
        for place, size in enumerate(reversed(self.tile), 1):
            physical[-place] = -(-physical[-place] // size) * size
        return math.prod(physical) * _BITS.get(self.dtype, 0) // 8

    @property
    def hbm_bytes(self) -> int:
        """The same where it lies in HBM; 0 where it lies on the chip."""
        return self.bytes if self.space == HBM else 0


def arrays_in(text: str) -> tuple[HloArray, ...]:
    """The arrays of a shape such as `f32[8,128]{1,0:T(8,128)S(1)}`, or of a tuple of them, in order."""
    return tuple(_array(*found.groups(default="")) for found in _ARRAY.finditer(text))


def _array(dtype: str, dimensions: str, layout: str) -> HloArray:
    order, _, details = layout.partition(":")
    tile, space = _TILE.search(details), _SPACE.search(details)
    return HloArray(
        dtype,
        _numbers(dimensions),
        _numbers(order) if order else None,
        # Tiles within the tile only order its elements.
        _numbers(tile[1][1:].partition(")")[0].replace("*", "1")) if tile else (),
        int(space[1]) if space else HBM,
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(",") if number)


_COMPUTATION = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\{$")
_INSTRUCTION = re.compile(r"^\s+(ROOT )?%?([\w.\-]+) = ")
_NAME = re.compile(r"%([\w.\-]+)")
_OP_NAME = re.compile(r'op_name="([^"]*)"')


class Instruction(NamedTuple):
    """One line of a program."""

    name: str
    arrays: tuple[HloArray, ...]  # what it makes
    opcode: str
    operands: tuple[str, ...]  # names in the same computation
    inside: str  # the text between its parentheses
    attributes: str  # the text behind them
    is_root: bool

    def attribute(self, name: str) -> str:
        """The value of an attribute without blanks, such as `calls`; empty where it has none."""
        found = re.search(rf"\b{name}=%?([^\s,{{}}]+|{{[^{{}}]*}})", self.attributes)
        return found[1] if found else ""

    @property
    def op_name(self) -> str:
        """The TensorFlow op that it comes from; empty where the compiler does not say."""
        found = _OP_NAME.search(self.attributes)
        return found[1] if found else ""


class Program:
    """Computations of instructions, one of which is the entry."""

    def __init__(self, text: str) -> None:
        """Takes the text of an HLO module apart."""
        self.computations: dict[str, dict[str, Instruction]] = {}
        current: dict[str, Instruction] = {}
        for line in text.splitlines():
            if header := _COMPUTATION.match(line):
                current = self.computations.setdefault(header[2], {})
                if header[1]:
                    self.entry = header[2]
            elif start := _INSTRUCTION.match(line):
                instruction = _instruction(line[start.end() :], start[2], bool(start[1]))
                current[instruction.name] = instruction

    def root(self, computation: str) -> Instruction:
        """The instruction that a computation returns."""
        return next(each for each in self.computations[computation].values() if each.is_root)

    def parameters(self, computation: str) -> list[str]:
        """The names of a computation's parameters, in their order."""
        found = [each for each in self.computations[computation].values() if each.opcode == "parameter"]
        return [each.name for each in sorted(found, key=lambda each: int(each.inside))]

    def instructions(self) -> list[Instruction]:
        """All of them, of every computation."""
        return [each for computation in self.computations.values() for each in computation.values()]


def _instruction(text: str, name: str, is_root: bool) -> Instruction:
    end = _end_of_brackets(text) if text.startswith("(") else text.index(" ")
    shape, rest = text[:end], text[end:].lstrip()
    opcode, _, _ = rest.partition("(")
    rest = rest[len(opcode) :]
    end = _end_of_brackets(rest)
    inside, attributes = rest[1 : end - 1], rest[end:]
    return Instruction(name, arrays_in(shape), opcode, tuple(_NAME.findall(inside)), inside, attributes, is_root)


def _end_of_brackets(text: str) -> int:
    """Where the round bracket that a text begins with is closed, and one further."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if not depth:
            return place + 1
    return len(text)


_KNOWN = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')
_SAME = ("copy", "bitcast", "convert", "reshape", "copy-done", "copy-start")


def trip_count(program: Program, computation: str, loop: Instruction) -> int | None:
    """How often the body of a `while` runs; None where only the running program knows.

    Said by the compiler, or read from the condition `counter < limit` of a counter that starts at a constant and grows
    by one.

    Args:
      program: all of it.
      computation: where the loop is.
      loop: the `while`.
    """
    if known := _KNOWN.search(loop.attributes):
        return int(known[1])
    condition = loop.attribute("condition")
    compared, names = _comparison(program, condition)
    if compared is None or compared.attribute("direction") not in ("LT", "LE", "GT", "GE"):
        return None
    here = program.computations[condition]
    sides = [_traced(here, name) for name in names]
    if compared.attribute("direction") in ("GT", "GE"):
        sides.reverse()
    if sides[0].opcode != "get-tuple-element":
        return None
    start = _first_value(program, computation, loop, int(sides[0].attribute("index")))
    limit = _constant(sides[1])
    if limit is None and sides[1].opcode == "get-tuple-element":
        place = int(sides[1].attribute("index"))
        limit = _first_value(program, computation, loop, place) if _stays(program, loop, place) else None
    if start is None or limit is None or not _grows_by_one(program, loop, int(sides[0].attribute("index"))):
        return None
    return max(0, limit - start + (compared.attribute("direction") in ("LE", "GE")))


def _comparison(program: Program, condition: str) -> tuple[Instruction | None, tuple[str, ...]]:
    """The comparison that a condition ends with, and the names of its two sides in the condition itself."""
    root = _traced(program.computations[condition], program.root(condition).name)
    if root.opcode == "compare":
        return root, root.operands
    if root.opcode == "fusion":
        called = root.attribute("calls")
        inner = program.root(called)
        given = dict(zip(program.parameters(called), root.operands, strict=False))
        if inner.opcode == "compare" and all(name in given for name in inner.operands):
            return inner, tuple(given[name] for name in inner.operands)
    return None, ()


def _traced(computation: dict[str, Instruction], name: str) -> Instruction:
    """Where a value comes from that is only moved or renamed."""
    found = computation[name]
    while found.opcode in _SAME:
        found = computation[found.operands[0]]
    return found


def _first_value(program: Program, computation: str, loop: Instruction, place: int) -> int | None:
    """What the loop's state has at a place before the first round, if that is a constant."""
    here = program.computations[computation]
    state = _traced(here, loop.operands[0])
    return _constant(_traced(here, state.operands[place])) if state.opcode == "tuple" else None


def _constant(instruction: Instruction) -> int | None:
    text = instruction.inside
    return int(text) if instruction.opcode == "constant" and re.fullmatch(r"-?\d+", text) else None


def _next_value(program: Program, loop: Instruction, place: int) -> Instruction | None:
    """What the loop's state has at a place after a round."""
    body = loop.attribute("body")
    root = program.root(body)
    return _traced(program.computations[body], root.operands[place]) if root.opcode == "tuple" else None


def _stays(program: Program, loop: Instruction, place: int) -> bool:
    found = _next_value(program, loop, place)
    return found is not None and found.opcode == "get-tuple-element" and found.attribute("index") == str(place)


def _grows_by_one(program: Program, loop: Instruction, place: int) -> bool:
    found, here = _next_value(program, loop, place), program.computations[loop.attribute("body")]
    if found is not None and found.opcode == "fusion":
        called = found.attribute("calls")
        found, here = program.root(called), program.computations[called]
    if found is None or found.opcode != "add":
        return False
    return any(_constant(_traced(here, name)) == 1 for name in found.operands)
