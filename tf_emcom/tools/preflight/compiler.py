"""The compiler of TPUs, run ahead of time on a machine that has none."""

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tf_emcom.errors import UserError
from tf_emcom.files import reason
from tf_emcom.tools.preflight.findings import Line, Refused, SourceLines

_INSTALL = "install it with `pip install -e '.[preflight]'`, in an environment without tensorflow-tpu"
# No question to a cloud that is not there; JAX itself needs no TPU; several preflights may run at once.
_ENVIRONMENT = {
    "TPU_SKIP_MDS_QUERY": "1",
    "JAX_PLATFORMS": "cpu",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_STDERR_LOG_LEVEL": "3",
    "TPU_MIN_LOG_LEVEL": "3",
}
_TOO_LARGE = re.compile(
    r"\(([\d.]+[KMG])\) exceeds available HBM \(([\d.]+[KMG])\)|Used ([\d.]+[KMG]) of ([\d.]+[KMG]) hbm"
)
_PLACE = re.compile(r"Suspected Python Code Location: (\S+):(\d+)")


class Compiled(NamedTuple):
    """A program for one device, and what it takes there.

    Attributes:
      text: the optimised program.
      seconds: that compiling took.
      arguments: bytes of what it is given: weights and a batch.
      outputs: bytes of what it returns.
      reused: bytes of arguments that outputs are written over.
      temporaries: bytes of what it needs between.
      code: bytes of the program itself.
      operations: floating-point operations by the compiler's own count, the body of a loop once.
    """

    text: str
    seconds: float
    arguments: int
    outputs: int
    reused: int
    temporaries: int
    code: int
    operations: float

    @property
    def memory(self) -> int:
        """Bytes that all of it takes at once."""
        return self.arguments + self.outputs - self.reused + self.temporaries + self.code


class TpuCompiler:
    """libtpu, through JAX; some of JAX' interface to it is private, so that one version of it is needed.

    Attributes:
      devices: how many devices the topology has.
      kind: what they call themselves.
    """

    def __init__(self, topology: str, chip_config: str | None = None) -> None:
        """Asks for a topology such as "v5e:2x2".

        Args:
          topology: chip and shape.
          chip_config: how the cores of a chip are used; None: in the compiler's usual way.

        Raises:
          UserError: JAX or libtpu is missing or another version, or there is no such topology.
        """
        os.environ.update(_ENVIRONMENT)
        try:
            from jax._src import compiler
            from jax._src.interpreters import mlir
            from jax._src.lib import _jax
            from jax._src.lib.mlir import ir
            from jax.experimental import topologies
            from jax.extend.mlir import hlo_to_stablehlo
        except ImportError as error:
            raise UserError(f"bin/preflight needs JAX with the TPU compiler ({error}); {_INSTALL}.") from error
        self._compiler, self._mlir, self._jax, self._ir = compiler, mlir, _jax, ir
        self._to_stablehlo = hlo_to_stablehlo
        try:
            with _silent():
                how = {"chip_config_name": chip_config} if chip_config else {}
                self._devices = topologies.get_topology_desc(topology, platform="tpu", **how).devices
        except (RuntimeError, ValueError, NotImplementedError) as error:
            if "libtpu" in str(error) and "topology" not in str(error).lower():
                raise UserError(f"bin/preflight cannot load libtpu ({error}); {_INSTALL}.") from error
            raise UserError(
                f"The TPU compiler knows no topology {topology!r} ({reason(error)}); name another, such as v5e:2x2,"
                " v4:2x2x1 or v6e:2x2."
            ) from error
        self.devices = len(self._devices)
        self.kind = self._devices[0].device_kind

    def compile(self, hlo: bytes, lines: SourceLines) -> Compiled:
        """Compiles a program for the topology's first device.

        Args:
          hlo: a serialised HLO module.
          lines: where its ops are from, for the compiler to tell.

        Raises:
          Refused: it has something that the chip lacks, or needs more memory than there is.
        """
        device = self._devices[0]
        begin = time.perf_counter()
        try:
            module = self._module(hlo, lines)
            options = self._compiler.get_compile_options(1, 1, device_assignment=np.array([[device.id]]))
            made = device.client.compile(module, self._jax.DeviceList((device,)), options)
        except self._jax.JaxRuntimeError as error:
            raise Refused(_explained(str(error))) from error
        seconds = time.perf_counter() - begin
        sizes = made.get_compiled_memory_stats()
        return Compiled(
            made.hlo_modules()[0].to_string(),
            seconds,
            arguments=sizes.argument_size_in_bytes,
            outputs=sizes.output_size_in_bytes,
            reused=sizes.alias_size_in_bytes,
            temporaries=sizes.temp_size_in_bytes,
            code=sizes.generated_code_size_in_bytes,
            operations=made.cost_analysis()["flops"],
        )

    def _module(self, hlo: bytes, lines: SourceLines) -> Any:
        context = self._mlir.make_ir_context()
        context.allow_unregistered_dialects = True
        with context:
            module = self._ir.Module.parse(self._to_stablehlo(hlo))
            self._prepare(module.operation, lines)
        return module

    def _prepare(self, operation: Any, lines: SourceLines) -> None:
        """Gives everything in an operation its line of Python, and takes out what JAX does not know.

        That are the copies which TensorFlow puts before results, an operation of MHLO. And all lines that TensorFlow
        notes are the same one, deep within itself.
        """
        for block in (block for region in operation.regions for block in region.blocks):
            for each in [each.operation for each in block.operations]:
                self._prepare(each, lines)
                if each.name == "mhlo.copy":
                    each.results[0].replace_all_uses_with(each.operands[0])
                    each.erase()
                elif (name := _op_name(each.location)) and (line := lines.of(name)):
                    place = self._ir.Location
                    each.location = place.fused([place.name(name), place.file(line.file, line.number, 0)])


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Without what libtpu writes to the terminal about the TPU that it does not find."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


def _op_name(location: Any) -> str:
    """The TensorFlow op that an operation is from; empty where nothing is known."""
    named = [location, *getattr(location, "locations", ())]
    return next((each.name_str for each in named if hasattr(each, "name_str")), "")


def _explained(message: str) -> str:
    """What the compiler said, in a sentence where it is about memory, and with the line where it names one."""
    sizes = _TOO_LARGE.search(message)
    if "RESOURCE_EXHAUSTED" in message and sizes:
        needed, there = (size for size in sizes.groups() if size)
        return (
            f"The step does not fit: it needs {needed}B of memory and the chip has {there}B. Bind batch_size to less,"
            " spread it over more replicas, or choose a larger chip."
        )
    if "RESOURCE_EXHAUSTED" in message:
        return f"The step does not fit the chip's memory: {' '.join(message.split()):.600}"
    plain = " ".join(message.split())
    if place := _PLACE.search(plain):
        made = f", made by {Line(place[1], int(place[2]), False)}"
        return f"The TPU compiler refused the step{made}: {plain.partition(' Suspected Python')[0]:.600}"
    return f"The TPU compiler refused the step: {plain:.1500}"
