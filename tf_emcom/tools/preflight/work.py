"""The arithmetic of a compiled step, and the time that a chip needs at least."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tensorflow.compiler.xla import xla_data_pb2

from tf_emcom.errors import UserError
from tf_emcom.tools.preflight.hlo import Instruction, Program, arrays_of, elements_of

_CHEAP = frozenset(
    "add subtract multiply divide maximum minimum negate abs compare select and or xor not clamp power remainder sign"
    " shift-left shift-right-logical shift-right-arithmetic floor ceil round-nearest-even round-nearest-afz sqrt rsqrt"
    " exponential log log-plus-one exponential-minus-one logistic tanh sine cosine cbrt atan2 erf".split()
)
# Products of bfloat16 numbers that the matrix units need for one product of float32 numbers.
_PASSES = {xla_data_pb2.PrecisionConfig.HIGHEST: 6, xla_data_pb2.PrecisionConfig.HIGH: 3}


class Work(NamedTuple):
    """Numbers of operations."""

    products: int = 0  # floating-point operations of matrix products and convolutions, two a multiplication
    passes: int = 0  # the same, counted as often as the matrix units repeat them for their precision
    elementwise: int = 0  # operations on single elements

    @classmethod
    def total(cls, parts: Iterable["Work"], times: int = 1) -> "Work":
        """The sum, done so many times."""
        return cls(*(times * sum(counts) for counts in zip(*parts, strict=True)))


def work_of(program: Program, computation: int, instruction: Instruction) -> Work:
    """The arithmetic of one instruction, including all that is fused into it."""
    operands = [program.computations[computation][operand] for operand in instruction.operand_ids]
    if instruction.opcode in ("fusion", "call", "async-start"):
        (called,) = instruction.called_computation_ids
        return Work.total(work_of(program, called, each) for each in program.computations[called].values())
    if instruction.opcode == "dot":
        sizes = operands[0].shape.dimensions
        summed = math.prod(sizes[d] for d in instruction.dot_dimension_numbers.lhs_contracting_dimensions)
        return _products(operands, instruction, 2 * elements_of(instruction.shape) * summed)
    if instruction.opcode == "convolution":
        return _products(operands, instruction, _convolution(operands, instruction))
    if instruction.opcode in ("reduce", "reduce-window"):
        return Work(elementwise=sum(map(elements_of, arrays_of(operands[0]))))
    return Work(elementwise=elements_of(instruction.shape)) if instruction.opcode in _CHEAP else Work()


def _products(operands: Sequence[Instruction], instruction: Instruction, products: int) -> Work:
    single = all(each.shape.element_type == xla_data_pb2.F32 for each in operands)
    precision = [*instruction.precision_config.operand_precision, xla_data_pb2.PrecisionConfig.DEFAULT][0]
    return Work(products, products * (_PASSES.get(precision, 1) if single else 1))


def _convolution(operands: Sequence[Instruction], instruction: Instruction) -> int:
    """Two for each pair of an output element and an element of its window that lies within the input."""
    image, kernel, output = (each.shape.dimensions for each in (*operands, instruction))
    numbers = instruction.convolution_dimension_numbers
    pairs = output[numbers.output_batch_dimension] * output[numbers.output_feature_dimension]
    pairs *= kernel[numbers.kernel_input_feature_dimension]
    spatial = (
        numbers.input_spatial_dimensions,
        numbers.output_spatial_dimensions,
        numbers.kernel_spatial_dimensions,
        instruction.window.dimensions,
    )
    for i, o, k, window in zip(*spatial, strict=True):
        pairs *= _pairs(image[i], output[o], kernel[k], window)
    # Each group of the batch has kernels of its own.
    return 2 * pairs // max(1, instruction.batch_group_count)


def _pairs(image: int, output: int, kernel: int, window: xla_data_pb2.WindowDimension) -> int:
    """Along one dimension: the number of pairs of an output and a kernel position that meet an element of the input."""
    spread = window.base_dilation
    places = (
        out * window.stride + tap * window.window_dilation - window.padding_low
        for out in range(output)
        for tap in range(kernel)
    )
    return sum(0 <= place <= (image - 1) * spread and place % spread == 0 for place in places)


class Chip(NamedTuple):
    """The published figures of one TPU chip.

    A product of float32 numbers is rounded to bfloat16 at TensorFlow's default precision and costs the same as one of
    bfloat16 numbers; at the precisions "high" and "highest" it takes 3 and 6 of them.
    """

    cores: int  # devices that a program sees; each has an equal share of the following figures
    memory: float  # bytes of HBM
    bandwidth: float  # bytes/s between chip and HBM
    peak: float  # FLOP/s of matrix products of bfloat16 numbers
    links: float  # bytes/s that all its links to other chips send together, one way
    clock: float | None  # Hz; None where it is not published
    source: str  # of the figures
    chip_config: str | None = None  # the compiler's name of the way in which the cores are used; None: the default


_OLD = "Jouppi et al., A domain-specific supercomputer for training deep neural networks, CACM 2020, table 3"
_PAGES = "docs.cloud.google.com/tpu/docs"

# Clocks of v5e and v5p follow from peak = 2 * 128 * 128 * matrix units * clock.
_CHIPS = {
    "v2": Chip(2, 16 * 2**30, 700e9, 46e12, 248e9, 0.70e9, _OLD),
    "v3": Chip(2, 32 * 2**30, 900e9, 123e12, 328e9, 0.94e9, _OLD),
    "v4": Chip(1, 32 * 2**30, 1200e9, 275e12, 300e9, 1.05e9, f"{_PAGES}/v4", "megacore"),
    "v5e": Chip(1, 16 * 2**30, 819e9, 197e12, 200e9, 1.50e9, f"{_PAGES}/v5e"),
    "v5p": Chip(1, 95 * 2**30, 2765e9, 459e12, 600e9, 1.75e9, f"{_PAGES}/v5p"),
    "v6e": Chip(1, 32 * 2**30, 1638e9, 918e12, 400e9, None, f"{_PAGES}/v6e"),
}


def chip_of(topology: str) -> Chip:
    """One device of a topology such as "v5e:2x2".

    Raises:
      UserError: the chip is unknown.
    """
    generation, separator, shape = topology.partition(":")
    if generation.lower() == "tpu7x":
        raise UserError("--topology is TPU7x, on which TensorFlow does not run; name one of the chips before it.")
    if generation not in _CHIPS or not separator or not shape:
        raise UserError(
            f"--topology is {topology!r}, but it is a chip and a shape, as in v5e:2x2 or v4:2x2x1; the chips are"
            f" {', '.join(_CHIPS)}."
        )
    chip = _CHIPS[generation]
    shared = {name: getattr(chip, name) / chip.cores for name in ("memory", "bandwidth", "peak", "links")}
    return chip._replace(cores=1, **shared)


# In a small slice the chips are a grid without wrap-around, which uses about half of their links.
_LINKS_USED = 0.5


class Roofline(NamedTuple):
    """Lower limits of a step's time, in seconds (Williams, Waterman & Patterson 2009)."""

    memory: float  # of all transfers between chip and HBM
    compute: float  # of all matrix products, at the matrix units' peak
    collectives: float  # of summing gradients and gathering candidates between replicas

    @property
    def step(self) -> float:
        """Memory and compute at the same time, followed by the collectives."""
        return max(self.memory, self.compute) + self.collectives

    @property
    def binds(self) -> str:
        """The name of the longest of the three."""
        return max(self._asdict(), key=self._asdict().get)


def roofline(
    chip: Chip, moved: int, products: int, replicas: int, gradient_bytes: int, candidate_bytes: int, turns: int = 1
) -> Roofline:
    """The roofline of a step of several turns, each of which moves so many bytes and does so many operations.

    Of the sum of gradients over n replicas each sends and receives 2 (n − 1) / n, in a ring; of the candidates of all
    replicas each receives (n − 1) / n.
    """
    received = (2 * gradient_bytes + candidate_bytes) * (replicas - 1) / replicas
    times = (moved / chip.bandwidth, products / chip.peak, received / (_LINKS_USED * chip.links))
    return Roofline(*(turns * time for time in times))
