"""How often a loop of a compiled program runs."""

import re

from tf_emcom.preflight.hlo_program import Instruction, Program

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
