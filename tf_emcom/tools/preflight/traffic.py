"""The bytes that a compiled program moves between the chip and its memory, and its arithmetic."""

import re
from typing import NamedTuple

from tf_emcom.tools.preflight.hlo import Instruction, Program, arrays_of, bytes_of, hbm_bytes_of, trip_count
from tf_emcom.tools.preflight.work import Work, work_of

# Names for existing values, or the end of an operation that is counted where it starts.
_FREE = frozenset(
    "parameter constant bitcast tuple get-tuple-element after-all partition-id replica-id opt-barrier copy-done"
    " async-done async-update all-reduce-done all-gather-done send-done recv-done".split()
)
_PARTIAL = ("slice", "dynamic-slice", "gather")
_CYCLES = re.compile(rb'"estimated_cycles":"(\d+)"')


class Cost(NamedTuple):
    """The costs of one instruction in a step, all its runs together."""

    computation: int  # the computation that has the instruction
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
      work: the arithmetic of a step.
      moved: bytes between chip and HBM a step.
      cycles: of a step by the compiler's own model, all vector and matrix work one after the other.
      kernels: number of instructions that run one after the other, scalar ones included.
      unknown_loops: loops whose length is only known when the program runs; counted once.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.unknown_loops: list[Instruction] = []
        self.costs = self._costs(program.entry, 1)
        self.work = Work.total(cost.work for cost in self.costs)
        self.moved, self.cycles, self.kernels = (
            sum(getattr(cost, name) for cost in self.costs) for name in ("moved", "cycles", "times")
        )


    def _costs(self, computation: int, times: int) -> list[Cost]:
        costs: list[Cost] = []
        for instruction in self.program.computations[computation].values():
            called = instruction.called_computation_ids
            if instruction.opcode == "while":
                rounds = trip_count(self.program, computation, instruction)
                if rounds is None:
                    self.unknown_loops.append(instruction)
                    rounds = 1
                body, condition = called
                costs += self._costs(condition, times * (rounds + 1)) + self._costs(body, times * rounds)
            elif instruction.opcode in ("conditional", "call"):
                # Of several branches, the most expensive one.
                branches = [self._costs(branch, times) for branch in called]
                costs += max(branches, key=lambda branch: sum(cost.moved for cost in branch))
            elif instruction.opcode not in _FREE:
                costs.append(self._cost(computation, instruction, times))
        return costs

    def _cost(self, computation: int, instruction: Instruction, times: int) -> Cost:
        # An operand that is given twice is read once.
        read = sum(self._read(computation, instruction, each) for each in dict.fromkeys(instruction.operand_ids))
        results = tuple(times * size for size in self._written(computation, instruction))
        work = Work.total([work_of(self.program, computation, instruction)], times)
        estimate = _CYCLES.search(instruction.backend_config)
        cycles = times * int(estimate[1]) if estimate else 0
        return Cost(computation, instruction, times, times * read, results, work, cycles)

    def _read(self, computation: int, instruction: Instruction, operand: int) -> int:
        """Bytes from HBM that an instruction reads of one operand."""
        whole = sum(map(hbm_bytes_of, arrays_of(self.program.computations[computation][operand])))
        used = self._used(instruction, operand) if whole else 0
        return whole if used is None else min(whole, used)

    def _used(self, user: Instruction, value: int) -> int | None:
        """Bytes of a value that one of its users reads; None: all."""
        first, *others = user.operand_ids
        if user.opcode in _PARTIAL and first == value and value not in others:
            return bytes_of(user.shape)
        if user.opcode in ("dynamic-update-slice", "scatter") and first == value:
            return 0
        if user.opcode not in ("fusion", "async-start"):
            return None
        (called,) = user.called_computation_ids
        parameters = self.program.parameters(called)
        parts = [self._used_within(called, parameters[i]) for i, own in enumerate(user.operand_ids) if own == value]
        return None if None in parts else sum(parts)

    def _used_within(self, computation: int, value: int) -> int | None:
        parts = [
            self._used_within(computation, user.id) if user.opcode == "bitcast" else self._used(user, value)
            for user in self.program.computations[computation].values()
            if value in user.operand_ids
        ]
        return None if None in parts or self.program.root(computation).id == value else sum(parts)

    def _written(self, computation: int, instruction: Instruction) -> list[int]:
        """Bytes to HBM of each result of an instruction."""
        arrays = arrays_of(instruction)
        if instruction.opcode.endswith("-start"):
            # `copy-start` returns (target, source, context), the others return ((sources), target, …).
            place = 0 if instruction.opcode == "copy-start" else len(instruction.operand_ids[:1])
            return [hbm_bytes_of(arrays[place])]
        sizes = self._sizes(computation, instruction)
        return [size if hbm_bytes_of(array) else 0 for size, array in zip(sizes, arrays, strict=True)]

    def _sizes(self, computation: int, instruction: Instruction) -> list[int]:
        """Bytes of each result of an instruction, in any memory; of a result that is updated in place, the update."""
        operands = [self.program.computations[computation][operand] for operand in instruction.operand_ids]
        sizes = [bytes_of(array) for array in arrays_of(instruction)]
        if instruction.opcode == "dynamic-update-slice":
            return [bytes_of(operands[1].shape)]
        if instruction.opcode == "scatter" and len(sizes) == 1:
            return [bytes_of(operands[2].shape)]
        if instruction.opcode == "bitcast":
            return self._sizes(computation, operands[0])
        if instruction.opcode == "tuple":
            return [size for operand in operands for size in self._sizes(computation, operand)]
        if instruction.opcode == "fusion":
            (called,) = instruction.called_computation_ids
            found = self._sizes(called, self.program.root(called))
            if len(found) == len(sizes):
                return list(map(min, found, sizes))
        return sizes
