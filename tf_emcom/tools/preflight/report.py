"""The report of a preflight, as text and as JSON."""

from typing import Any, NamedTuple

from tf_emcom.runtime.run_folder import write_json
from tf_emcom.tools.preflight.compiler import Compiled
from tf_emcom.tools.preflight.findings import HotLine, hot_lines, long_integers, slow_operations, stack_copies
from tf_emcom.tools.preflight.hlo import Program
from tf_emcom.tools.preflight.step import ExportedStep
from tf_emcom.tools.preflight.traffic import Traffic
from tf_emcom.tools.preflight.work import Chip, Roofline, roofline

_LINES = 8
_SIZES = ("arguments", "outputs", "reused", "temporaries", "code", "memory")


class Setting(NamedTuple):
    """What was compiled, and the TPU."""

    configuration: str
    topology: str
    kind: str  # the chip's name for itself
    chip: Chip
    replicas: int
    batch_size: int
    precision: str


class Report:
    """The costs of a compiled step."""

    def __init__(self, setting: Setting, step: ExportedStep, compiled: Compiled) -> None:
        self.setting, self.step, self.compiled = setting, step, compiled
        program = Program(compiled.program)
        self.traffic = Traffic(program)
        self.slow = slow_operations(program)
        self.long_integers = long_integers(Program(step.hlo))
        self.stack_copies = stack_copies(self.traffic, step.stacks)
        self.lines: list[HotLine] = hot_lines(self.traffic, step.lines)
        self.roofline: Roofline = roofline(
            setting.chip, self.traffic.moved, self.traffic.work.passes, setting.replicas, step.gradient_bytes,
            step.candidate_bytes, step.turns,
        )  # fmt: skip

    @property
    def fits(self) -> bool:
        """Whether the step fits the chip's memory."""
        return self.compiled.memory <= self.setting.chip.memory

    @property
    def games_per_second(self) -> float:
        """Games of all replicas, if a step takes no longer than the roofline."""
        return self.step.turns * self.setting.batch_size / self.roofline.step

    def text(self) -> str:
        """The report, in lines."""
        setting, step, work = self.setting, self.step, self.traffic.work
        turns = f", in each of the {step.turns} turns of a step" if step.turns > 1 else ""
        passes = f", as {work.passes / 1e9:.2f} in passes of bfloat16" if work.passes != work.products else ""
        hottest = [*self.lines[:_LINES], *sorted(self.lines, key=lambda each: -each.cycles)[: _LINES // 2]]
        lines = [
            f"Preflight of {setting.configuration}, {setting.precision}, for {setting.kind} ({setting.topology})",
            f"  one of {setting.replicas} replicas: {step.local_games:,} of {setting.batch_size:,} games{turns}",
            "",
            f"  compiled in           {self.compiled.seconds:10.1f} s",
            f"  matrix products       {work.products / 1e9:10.2f} GFLOP{passes}",
            f"  other arithmetic      {work.elementwise / 1e9:10.2f} GFLOP",
            f"  HBM traffic           {self.traffic.moved / 1e6:10.0f} MB, loops counted as often as they run",
            *self._memory(),
            "",
            *self._times(),
            "",
            *self._counts(),
            "",
            "  The lines that cost most    HBM MB     GFLOP  kilocycles",
            *(
                f"    {each.moved / 1e6:30.1f} {each.products / 1e9:9.2f} {each.cycles / 1e3:11.0f}  {each.place}"
                for each in self.lines
                if each in hottest
            ),
            "",
            "This is an estimate made while compiling, not a measurement: no TPU ran. The roofline is a lower limit; a",
            f"step takes longer. The chip's figures are published ones: {setting.chip.source}.",
        ]
        return "\n".join(lines)

    def numbers(self) -> dict[str, Any]:
        """All numbers, by name, in bytes and seconds."""
        compiled, roof, work = self.compiled, self.roofline, self.traffic.work
        return {
            **{name: value for name, value in self.setting._asdict().items() if name != "chip"},
            "chip": self.setting.chip._asdict(),
            "local_games": self.step.local_games,
            "turns": self.step.turns,
            "compile_seconds": compiled.seconds,
            "product_flop": work.products,
            "product_flop_in_passes": work.passes,
            "elementwise_operations": work.elementwise,
            "compiler_operations": compiled.operations,
            "hbm_bytes": self.traffic.moved,
            "unknown_loops": len(self.traffic.unknown_loops),
            "kernels": self.traffic.kernels,
            "compiler_cycles": self.traffic.cycles,
            **{f"{name}_bytes": getattr(compiled, name) for name in _SIZES},
            "fits": self.fits,
            "memory_seconds": roof.memory,
            "compute_seconds": roof.compute,
            "collective_seconds": roof.collectives,
            "step_seconds": roof.step,
            "binds": roof.binds,
            "games_per_second": self.games_per_second,
            "gradient_bytes": self.step.gradient_bytes,
            "candidate_bytes": self.step.candidate_bytes,
            "operations": {**self.slow, "s64": self.long_integers},
            "stack_copies": len(self.stack_copies),
            "stack_copy_bytes": sum(cost.written for cost in self.stack_copies),
            "lines": [each._asdict() for each in self.lines],
            "is_measured": False,
        }

    def write(self, path: str) -> None:
        """Writes the numbers as JSON; UserError where the file cannot be written."""
        write_json(path, self.numbers())

    def _memory(self) -> list[str]:
        compiled, chip = self.compiled, self.setting.chip.memory
        parts = {
            "arguments": compiled.arguments,
            "temporaries": compiled.temporaries,
            "outputs": compiled.outputs - compiled.reused,
            "code": compiled.code,
            "together": compiled.memory,
        }
        lines = [f"  memory: {name:<13} {size / 1e6:10.1f} MB" for name, size in parts.items()]
        lines[-1] += f", {compiled.memory / chip:.1%} of the chip's {chip / 2**30:.0f} GiB"
        return lines

    def _times(self) -> list[str]:
        chip, roof, step = self.setting.chip, self.roofline, self.step
        lines = [
            f"  roofline: memory      {1e3 * roof.memory:10.3f} ms, at {chip.bandwidth / 1e9:,.0f} GB/s",
            f"  roofline: compute     {1e3 * roof.compute:10.3f} ms, at {chip.peak / 1e12:,.0f} TFLOP/s",
        ]
        if self.setting.replicas > 1:
            lines.append(
                f"  roofline: collectives {1e3 * roof.collectives:10.3f} ms, estimated:"
                f" {step.gradient_bytes / 1e6:.1f} MB of gradients summed, {step.candidate_bytes / 1e6:.1f} MB of"
                " candidates gathered"
            )
        lines.append(
            f"  roofline: step        {1e3 * roof.step:10.3f} ms, bound by {roof.binds}; {self.games_per_second:,.0f}"
            " games/s at best"
        )
        if cycles := step.turns * self.traffic.cycles:
            clock = f", {1e3 * cycles / chip.clock:.3f} ms at {chip.clock / 1e9:.2f} GHz" if chip.clock else ""
            lines.append(f"  compiler's own model  {cycles / 1e6:10.2f} million cycles{clock}")
        return lines

    def _counts(self) -> list[str]:
        counts = [f"{count} {name}" for name, count in {**self.slow, "s64": self.long_integers}.items()]
        lines = [f"  {', '.join(counts)}; {self.traffic.kernels:,} instructions one after the other"]
        if self.step.stacks:
            size = sum(cost.written for cost in self.stack_copies) / 1e6
            lines.append(f"  {len(self.stack_copies)} whole stacks of agents written to HBM, {size:.1f} MB")
        for loop in self.traffic.unknown_loops:
            place = self.step.lines.of(loop.metadata.op_name)
            lines.append(f"  a loop whose length depends on the data is counted once: {place or loop.name}")
        return lines

