"""The text of a compiled program, taken apart."""

import re
from typing import NamedTuple

from tf_emcom.preflight.hlo_array import HloArray, arrays_in

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
