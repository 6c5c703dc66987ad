"""The TPU compiler, run ahead of time on a machine without a TPU."""

import os
import re
import time
from typing import Any, NamedTuple

import numpy as np

from tf_emcom.errors import UserError
from tf_emcom.files import reason
from tf_emcom.tools.preflight.findings import Line, Refused, SourceLines

_INSTALL = "install it with `pip install 'tf_emcom[preflight]'`, in an environment without tensorflow-tpu"
# libtpu does not ask a cloud for its TPU, or the machine for its shape, which it would warn about; JAX itself uses the
# CPU; several preflights may run at the same time.
_ENVIRONMENT = {
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_HOST_BOUNDS": "1,1,1",
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
    """A program for one device, and the bytes that it needs there."""

    program: bytes  # optimised, a serialised HLO module
    seconds: float  # of compiling
    arguments: int  # weights and a batch
    outputs: int
    reused: int  # bytes of arguments that are overwritten by outputs
    temporaries: int
    code: int  # the program itself
    operations: float  # floating-point operations by the compiler's own count, the body of a loop once

    @property
    def memory(self) -> int:
        """Bytes needed at the same time."""
        return self.arguments + self.outputs - self.reused + self.temporaries + self.code


class TpuCompiler:
    """libtpu, used through JAX; parts of that interface are private, so that one version of JAX is needed.

    Attributes:
      devices: number of devices of the topology.
      kind: their name.
    """

    def __init__(self, topology: str, chip_config: str | None = None) -> None:
        """Loads the description of a topology, such as "v5e:2x2"; UserError where it or the compiler is not there.

        `chip_config` says how the cores of a chip are used; None: the compiler's default.
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
            raise UserError(f"tf-emcom preflight needs JAX with the TPU compiler ({error}); {_INSTALL}.") from error
        self._compiler, self._mlir, self._jax, self._ir = compiler, mlir, _jax, ir
        self._to_stablehlo = hlo_to_stablehlo
        try:
            options = {"chip_config_name": chip_config} if chip_config else {}
            self._devices = topologies.get_topology_desc(topology, platform="tpu", **options).devices
        except (RuntimeError, ValueError, NotImplementedError) as error:
            if "libtpu" in str(error) and "topology" not in str(error).lower():
                raise UserError(f"tf-emcom preflight cannot load libtpu ({error}); {_INSTALL}.") from error
            raise UserError(
                f"The TPU compiler knows no topology {topology!r} ({reason(error)}); name another, such as v5e:2x2,"
                " v4:2x2x1 or v6e:2x2."
            ) from error
        self.devices = len(self._devices)
        self.kind = self._devices[0].device_kind

    def compile(self, hlo: bytes, lines: SourceLines) -> Compiled:
        """Compiles a serialised HLO module for the topology's first device; messages name the lines of its ops.

        Raises:
          Refused: the program uses something that the chip lacks, or needs more memory than it has.
        """
        device = self._devices[0]
        begin = time.perf_counter()
        try:
            context = self._mlir.make_ir_context()
            context.allow_unregistered_dialects = True
            with context:
                module = self._ir.Module.parse(self._to_stablehlo(hlo))
                self._prepare(module.operation, lines)
            options = self._compiler.get_compile_options(1, 1, device_assignment=np.array([[device.id]]))
            compiled = device.client.compile(module, self._jax.DeviceList((device,)), options)
        except self._jax.JaxRuntimeError as error:
            raise Refused(_explained(str(error))) from error
        seconds = time.perf_counter() - begin
        sizes = compiled.get_compiled_memory_stats()
        return Compiled(
            compiled.hlo_modules()[0].as_serialized_hlo_module_proto(),
            seconds,
            arguments=sizes.argument_size_in_bytes,
            outputs=sizes.output_size_in_bytes,
            reused=sizes.alias_size_in_bytes,
            temporaries=sizes.temp_size_in_bytes,
            code=sizes.generated_code_size_in_bytes,
            operations=compiled.cost_analysis()["flops"],
        )

    def _prepare(self, operation: Any, lines: SourceLines) -> None:
        """Adds lines of Python to all operations inside one, and removes copies.

        TensorFlow puts a copy, an operation of MHLO that JAX does not know, before each result. The only line that it
        notes is one of its own.
        """
        for block in (block for region in operation.regions for block in region.blocks):
            for each in [each.operation for each in block.operations]:
                self._prepare(each, lines)
                if each.name == "mhlo.copy":
                    each.results[0].replace_all_uses_with(each.operands[0])
                    each.erase()
                    continue
                named = [each.location, *getattr(each.location, "locations", ())]
                name = next((location.name_str for location in named if hasattr(location, "name_str")), "")
                if line := lines.of(name):
                    place = self._ir.Location
                    each.location = place.fused([place.name(name), place.file(line.file, line.number, 0)])


def _explained(message: str) -> str:
    """The compiler's message in a sentence: about memory, or with the line that it names."""
    plain = " ".join(message.split())
    if "RESOURCE_EXHAUSTED" in message:
        if sizes := _TOO_LARGE.search(message):
            needed, has = (f"{size}B" for size in sizes.groups() if size)
            return too_large(needed, has)
        return f"The step does not fit the chip's memory: {plain:.600}"
    if place := _PLACE.search(plain):
        line = Line(place[1], int(place[2]), False)
        return f"The TPU compiler refused the step, made by {line}: {plain.partition(' Suspected Python')[0]:.600}"
    return f"The TPU compiler refused the step: {plain:.1500}"


def too_large(needed: str, has: str) -> str:
    """The sentence about a step that needs more memory than the chip has."""
    return (
        f"The step does not fit: it needs {needed} of memory and the chip has {has}. Bind batch_size to less, spread it"
        " over more replicas, or choose a larger chip."
    )
