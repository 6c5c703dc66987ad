"""The bytes that a compiled program moves between the chip and its memory, and its arithmetic."""

import re
from typing import NamedTuple

from tf_emcom.tools.preflight.hlo import HloArray, Instruction, Program, trip_count
from tf_emcom.tools.preflight.work import Work, work_of

# Names for existing values, or the end of an operation that is counted where it starts.
_FREE = frozenset(
    "parameter constant bitcast tuple get-tuple-element after-all partition-id replica-id opt-barrier"
    " copy-done slice-done async-done async-update dynamic-slice-done all-reduce-done all-gather-done send-done"
    " recv-done".split()
)
_PARTIAL = ("slice", "dynamic-slice", "gather")
_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')


class Cost(NamedTuple):
    """The costs of one instruction in a step, all its runs together."""

    computation: str  # the computation that has the instruction
    instruction: Instruction
    times: int  # how often it runs
    read: int  # bytes from HBM
    results: tuple[int, ...]  # bytes to HBM, of each of its results
    work: Work
    cycles: int = 0  # by the compiler's own model; 0 where it has none

    @property
    def written(self) -> int:
        """Bytes to HBM."""
        return sum(self.results)

    @property
    def moved(self) -> int:
        """Bytes between chip and HBM."""
        return self.read + self.written


class Traffic:
    """The costs of a whole program, loops counted as often as they run.

    A fusion moves its operands and its results, but no values between them. Of an operand that is only sliced, the
    slices are counted; of a result that is updated in place, the update. Arrays in the chip's own memory, memory space
    S(1), count nothing.

    Attributes:
      costs: one for each instruction that moves or computes anything.
      unknown_loops: loops whose length is only known when the program runs; counted once.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.costs: list[Cost] = []
        self.unknown_loops: list[Instruction] = []
        self._visit(program.entry, 1)

    @property
    def moved(self) -> int:
        """Bytes between chip and HBM a step."""
        return sum(cost.moved for cost in self.costs)

    @property
    def work(self) -> Work:
        """The arithmetic of a step."""
        return Work.total(cost.work for cost in self.costs)

    @property
    def cycles(self) -> int:
        """Cycles of a step by the compiler's own model, all vector and matrix work one after the other."""
        return sum(cost.cycles for cost in self.costs)

    @property
    def kernels(self) -> int:
        """Number of instructions that run one after the other, scalar ones included."""
        return sum(cost.times for cost in self.costs)

    def _visit(self, computation: str, times: int) -> None:
        for instruction in self.program.computations[computation].values():
            if instruction.opcode == "while":
                rounds = trip_count(self.program, computation, instruction)
                if rounds is None:
                    self.unknown_loops.append(instruction)
                    rounds = 1
                self._visit(instruction.attribute("condition"), times * (rounds + 1))
                self._visit(instruction.attribute("body"), times * rounds)
            elif instruction.opcode == "conditional":
                self._visit_largest_branch(instruction, times)
            elif instruction.opcode == "call":
                self._visit(instruction.attribute("to_apply"), times)
            elif instruction.opcode not in _FREE:
                self.costs.append(self._cost(computation, instruction, times))

    def _visit_largest_branch(self, instruction: Instruction, times: int) -> None:
        listed = instruction.attribute("branch_computations").strip("{}").replace("%", "").split(",")
        names = [name.strip() for name in listed if name] or [
            instruction.attribute(f"{which}_computation") for which in ("true", "false")
        ]
        before, branches = self.costs, []
        for name in names:
            self.costs = []
            self._visit(name, times)
            branches.append(self.costs)
        self.costs = before + max(branches, key=lambda costs: sum(cost.moved for cost in costs))

    def _cost(self, computation: str, instruction: Instruction, times: int) -> Cost:
        read = sum(
            self._read(computation, instruction, place)
            for place, name in enumerate(instruction.operands)
            # An operand that is given twice is read once.
            if instruction.operands.index(name) == place
        )
        results = tuple(times * size for size in self._written(computation, instruction))
        work = Work.total([work_of(self.program, computation, instruction)], times)
        estimate = _CYCLES.search(instruction.attributes)
        cycles = times * int(estimate[1]) if estimate else 0
        return Cost(computation, instruction, times, times * read, results, work, cycles)

    def _read(self, computation: str, instruction: Instruction, place: int) -> int:
        """Bytes from HBM that an instruction reads of one operand."""
        arrays = self.program.computations[computation][instruction.operands[place]].arrays
        whole = sum(array.hbm_bytes for array in arrays)
        if not whole:
            return 0
        used = self._used(computation, instruction, instruction.operands[place])
        return whole if used is None else min(whole, used)

    def _used(self, computation: str, user: Instruction, name: str) -> int | None:
        """Bytes of a value that one of its users reads; None: all."""
        if user.opcode in _PARTIAL and user.operands[0] == name and name not in user.operands[1:]:
            return user.arrays[0].bytes
        if user.opcode in ("slice-start", "dynamic-slice-start") and user.operands[0] == name:
            return _target_of_start(user).bytes
        if user.opcode in ("dynamic-update-slice", "scatter") and user.operands[0] == name:
            return 0
        if user.opcode != "fusion":
            return None
        called = user.attribute("calls")
        parameters = self.program.parameters(called)
        parts = [self._used_within(called, parameters[i]) for i, own in enumerate(user.operands) if own == name]
        return None if None in parts else sum(parts)

    def _used_within(self, computation: str, name: str) -> int | None:
        parts = [
            self._used_within(computation, user.name)
            if user.opcode == "bitcast"
            else self._used(computation, user, name)
            for user in self.program.computations[computation].values()
            if name in user.operands
        ]
        return None if None in parts or self.program.root(computation).name == name else sum(parts)

    def _written(self, computation: str, instruction: Instruction) -> list[int]:
        """Bytes to HBM of each result of an instruction."""
        if instruction.opcode.endswith("-start"):
            return [_target_of_start(instruction).hbm_bytes]
        sizes = self._sizes(computation, instruction)
        return [size if array.hbm_bytes else 0 for size, array in zip(sizes, instruction.arrays, strict=True)]

    def _sizes(self, computation: str, instruction: Instruction) -> list[int]:
        """Bytes of each result of an instruction, in any memory; of a result that is updated in place, the update."""
        here = self.program.computations[computation]
        if instruction.opcode == "dynamic-update-slice":
            return [here[instruction.operands[1]].arrays[0].bytes]
        if instruction.opcode == "scatter" and len(instruction.arrays) == 1:
            return [here[instruction.operands[2]].arrays[0].bytes]
        if instruction.opcode == "bitcast":
            return self._sizes(computation, here[instruction.operands[0]])
        if instruction.opcode == "tuple":
            parts = [self._sizes(computation, here[name]) for name in instruction.operands]
            return [size for part in parts for size in part]
        if instruction.opcode == "fusion":
            called = instruction.attribute("calls")
            found = self._sizes(called, self.program.root(called))
            if len(found) == len(instruction.arrays):
                return [min(a, b.bytes) for a, b in zip(found, instruction.arrays, strict=True)]
        return [array.bytes for array in instruction.arrays]


def _target_of_start(instruction: Instruction) -> HloArray:
    """The target of `copy-start`, which returns `(target, source, context)`, or of others: `((sources), target, …)`."""
    return instruction.arrays[0 if instruction.opcode == "copy-start" else len(instruction.operands[:1])]
