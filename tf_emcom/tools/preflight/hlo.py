"""Compiled programs, as XLA prints them."""

import math
import re
from typing import NamedTuple

_ARRAY = re.compile(r"\b([a-z]+[0-9a-z]*)\[([0-9,]*)\](?:\{([^{}]*)\})?")
_TILE = re.compile(r"T\(([0-9,*]+)\)")
_SPACE = re.compile(r"S\((\d+)\)")

# The memory space of arrays without a number; the others are on the chip.
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
        """Number of elements, without padding."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes in memory, padded to whole tiles."""
        order = self.minor_to_major or tuple(reversed(range(len(self.shape))))
        physical = [self.shape[dimension] for dimension in reversed(order)]
        physical = [1] * (len(self.tile) - len(physical)) + physical
        for place, size in enumerate(reversed(self.tile), 1):
            physical[-place] = -(-physical[-place] // size) * size
        return math.prod(physical) * _bits(self.dtype) // 8

    @property
    def hbm_bytes(self) -> int:
        """Bytes in HBM; 0 for an array on the chip."""
        return self.bytes if self.space == HBM else 0


def _bits(dtype: str) -> int:
    """Bits of an element: 16 for bf16, 8 for f8e5m2; 0 for what is no number, such as a token."""
    found = re.match(r"[a-z]+(\d+)", "pred8" if dtype == "pred" else dtype)
    return int(found[1]) if found else 0


def arrays_in(text: str) -> tuple[HloArray, ...]:
    """The arrays of a shape such as `f32[8,128]{1,0:T(8,128)S(1)}`, or of a tuple of them, in order."""
    return tuple(_array(*found.groups(default="")) for found in _ARRAY.finditer(text))


def _array(dtype: str, dimensions: str, layout: str) -> HloArray:
    order, _, details = layout.partition(":")
    # Further tiles, inside the first one, only order its elements.
    tile, space = _TILE.search(details), _SPACE.search(details)
    return HloArray(
        dtype,
        numbers_in(dimensions),
        numbers_in(order) if order else None,
        numbers_in(tile[1].replace("*", "1")) if tile else (),
        int(space[1]) if space else HBM,
    )


def numbers_in(text: str) -> tuple[int, ...]:
    """All natural numbers in a text."""
    return tuple(int(number) for number in re.findall(r"\d+", text))


_COMPUTATION = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\{$")
_INSTRUCTION = re.compile(r"^\s+(ROOT )?%?([\w.\-]+) = ")
_NAME = re.compile(r"%([\w.\-]+)")
_OP_NAME = re.compile(r'op_name="([^"]*)"')


class Instruction(NamedTuple):
    """One line of a program."""

    name: str
    arrays: tuple[HloArray, ...]  # its results
    opcode: str
    operands: tuple[str, ...]  # names in the same computation
    inside: str  # the text between its parentheses
    attributes: str  # the text behind them
    is_root: bool

    def attribute(self, name: str) -> str:
        """The value of an attribute without blanks, such as `calls`; empty where there is none."""
        found = re.search(rf"\b{name}=%?([^\s,{{}}]+|{{[^{{}}]*}})", self.attributes)
        return found[1] if found else ""

    @property
    def op_name(self) -> str:
        """The TensorFlow op that it comes from; empty where it is unknown."""
        found = _OP_NAME.search(self.attributes)
        return found[1] if found else ""


# The instructions of one computation, by name.
Computation = dict[str, Instruction]


class Program:
    """The computations of an HLO module, one of which is the entry."""

    def __init__(self, text: str) -> None:
        """Parses the text of an HLO module."""
        self.computations: dict[str, Computation] = {}
        current: Computation = {}
        for line in text.splitlines():
            if header := _COMPUTATION.match(line):
                current = self.computations.setdefault(header[2], {})
                if header[1]:
                    self.entry = header[2]
            elif start := _INSTRUCTION.match(line):
                current[start[2]] = _instruction(line[start.end() :], start[2], bool(start[1]))

    def root(self, computation: str) -> Instruction:
        """The instruction that a computation returns."""
        return next(each for each in self.computations[computation].values() if each.is_root)

    def parameters(self, computation: str) -> list[str]:
        """The names of a computation's parameters, in their order."""
        found = [each for each in self.computations[computation].values() if each.opcode == "parameter"]
        return [each.name for each in sorted(found, key=lambda each: int(each.inside))]

    def instructions(self) -> list[Instruction]:
        """The instructions of all computations."""
        return [each for computation in self.computations.values() for each in computation.values()]


def _instruction(text: str, name: str, is_root: bool) -> Instruction:
    end = _end_of_brackets(text) if text.startswith("(") else text.index(" ")
    shape, rest = text[:end], text[end:].lstrip()
    opcode = rest.partition("(")[0]
    rest = rest[len(opcode) :]
    end = _end_of_brackets(rest)
    inside, attributes = rest[1 : end - 1], rest[end:]
    return Instruction(name, arrays_in(shape), opcode, tuple(_NAME.findall(inside)), inside, attributes, is_root)


def _end_of_brackets(text: str) -> int:
    """The position after the bracket that closes the first character, a round bracket."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if not depth:
            return place + 1
    return len(text)


_KNOWN = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')
_SAME = ("copy", "bitcast", "convert", "reshape", "copy-done", "copy-start")


def trip_count(program: Program, computation: str, loop: Instruction) -> int | None:
    """How often the body of a `while` runs; None where it is only known when the program runs.

    The number is the compiler's, or follows from a condition `counter < limit` of a counter that starts at a constant
    and grows by one.

    Args:
      program: the whole program.
      computation: the computation of the loop.
      loop: the `while`.
    """
    if known := _KNOWN.search(loop.attributes):
        return int(known[1])
    condition = loop.attribute("condition")
    compared, names = _comparison(program, condition)
    direction = compared.attribute("direction") if compared else ""
    if direction not in ("LT", "LE", "GT", "GE"):
        return None
    counter, bound = (_source(program.computations[condition], name) for name in names)
    if direction in ("GT", "GE"):
        counter, bound = bound, counter
    if counter.opcode != "get-tuple-element" or not _grows_by_one(program, loop, _index(counter)):
        return None
    here = program.computations[computation]
    state = _source(here, loop.operands[0])
    if bound.opcode == "get-tuple-element" and _is_kept(program, loop, _index(bound)):
        bound = _element(here, state, _index(bound))
    start, limit = _constant(_element(here, state, _index(counter))), _constant(bound)
    return None if start is None or limit is None else max(0, limit - start + (direction in ("LE", "GE")))


def _comparison(program: Program, condition: str) -> tuple[Instruction | None, tuple[str, ...]]:
    """The comparison that a condition returns, and the names of its two sides in the condition itself."""
    root = _source(program.computations[condition], program.root(condition).name)
    if root.opcode == "compare":
        return root, root.operands
    if root.opcode == "fusion":
        called = root.attribute("calls")
        inner = program.root(called)
        arguments = dict(zip(program.parameters(called), root.operands, strict=False))
        if inner.opcode == "compare" and all(name in arguments for name in inner.operands):
            return inner, tuple(arguments[name] for name in inner.operands)
    return None, ()


def _source(computation: Computation, name: str) -> Instruction:
    """The instruction that made a value which others only moved or renamed."""
    found = computation[name]
    while found.opcode in _SAME:
        found = computation[found.operands[0]]
    return found


def _index(element: Instruction) -> int:
    return int(element.attribute("index"))


def _element(here: Computation, state: Instruction, place: int) -> Instruction | None:
    """The instruction that makes an element of a loop's state; None if it is unknown."""
    return _source(here, state.operands[place]) if state.opcode == "tuple" else None


def _constant(instruction: Instruction | None) -> int | None:
    if instruction is None or instruction.opcode != "constant":
        return None
    return int(instruction.inside) if re.fullmatch(r"-?\d+", instruction.inside) else None


def _is_kept(program: Program, loop: Instruction, place: int) -> bool:
    body = loop.attribute("body")
    found = _element(program.computations[body], program.root(body), place)
    return found is not None and found.opcode == "get-tuple-element" and _index(found) == place


def _grows_by_one(program: Program, loop: Instruction, place: int) -> bool:
    body = loop.attribute("body")
    found = _element(program.computations[body], program.root(body), place)
    if found is not None and found.opcode == "fusion":
        body = found.attribute("calls")
        found = program.root(body)
    if found is None or found.opcode != "add":
        return False
    return any(_constant(_source(program.computations[body], name)) == 1 for name in found.operands)
