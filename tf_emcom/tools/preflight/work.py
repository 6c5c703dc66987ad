"""The arithmetic of a compiled step, and the time that a chip needs at least."""

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

from tf_emcom.errors import UserError
from tf_emcom.tools.preflight.hlo import Computation, Instruction, Program, numbers_in

_CHEAP = frozenset(
    "add subtract multiply divide maximum minimum negate abs compare select and or xor not clamp power remainder sign"
    " shift-left shift-right-logical shift-right-arithmetic floor ceil round-nearest-even round-nearest-afz sqrt rsqrt"
    " exponential log log-plus-one exponential-minus-one logistic tanh sine cosine cbrt atan2 erf".split()
)
# Products of bfloat16 numbers that the matrix units need for one product of float32 numbers.
_PASSES = {"highest": 6, "high": 3}
_WINDOW = re.compile(r"(\w+)=([0-9x_\-]+)")


class Work(NamedTuple):
    """Numbers of operations."""

    products: int = 0  # floating-point operations of matrix products and convolutions, two a multiplication
    passes: int = 0  # the same, counted as often as the matrix units repeat them for their precision
    elementwise: int = 0  # operations on single elements

    @classmethod
    def total(cls, parts: Iterable["Work"], times: int = 1) -> "Work":
        """The sum, done so many times."""
        return cls(*(times * sum(counts) for counts in zip(*parts, strict=True)))


def work_of(program: Program, computation: str, instruction: Instruction) -> Work:
    """The arithmetic of one instruction, including all that is fused into it."""
    here = program.computations[computation]
    if instruction.opcode in ("fusion", "call", "async-start"):
        called = instruction.attribute("calls") or instruction.attribute("to_apply")
        return Work.total(work_of(program, called, each) for each in program.computations[called].values())
    if instruction.opcode == "dot":
        sizes = here[instruction.operands[0]].arrays[0].shape
        summed = math.prod(sizes[d] for d in numbers_in(instruction.attribute("lhs_contracting_dims")))
        return _products(here, instruction, 2 * instruction.arrays[0].elements * summed)
    if instruction.opcode == "convolution":
        return _products(here, instruction, _convolution(here, instruction))
    if instruction.opcode in ("reduce", "reduce-window"):
        return Work(elementwise=sum(array.elements for array in here[instruction.operands[0]].arrays))
    return Work(elementwise=instruction.arrays[0].elements) if instruction.opcode in _CHEAP else Work()


def _products(here: Computation, instruction: Instruction, products: int) -> Work:
    single = all(here[name].arrays[0].dtype == "f32" for name in instruction.operands)
    precision = instruction.attribute("operand_precision").strip("{}").partition(",")[0]
    return Work(products, products * (_PASSES.get(precision, 1) if single else 1))


def _convolution(here: Computation, instruction: Instruction) -> int:
    """Two for each pair of an output element and an element of its window that lies within the input."""
    labels = re.fullmatch(r"(\w+)_(\w+)->(\w+)", instruction.attribute("dim_labels")).groups()
    shapes = [each.arrays[0].shape for each in (*(here[name] for name in instruction.operands), instruction)]
    # Each: name of a dimension → its size.
    image, kernel, output = (dict(zip(*pair, strict=True)) for pair in zip(labels, shapes, strict=True))
    found = re.search(r"window=\{([^}]*)\}", instruction.attributes)
    window = {name: values.split("x") for name, values in _WINDOW.findall(found[1])} if found else {}
    pairs = output["b"] * output["f"] * kernel["i"]
    for place in range(len(image) - 2):
        along = {name: values[place] for name, values in window.items()}
        pairs *= _pairs(image[str(place)], output[str(place)], kernel[str(place)], along)
    # Each group of the batch has kernels of its own.
    return 2 * pairs // int(instruction.attribute("batch_group_count") or 1)


def _pairs(image: int, output: int, kernel: int, window: dict[str, str]) -> int:
    """Along one dimension: the number of pairs of an output and a kernel position that meet an element of the input."""
    stride, spread = int(window.get("stride", 1)), int(window.get("lhs_dilate", 1))
    low, apart = int(window.get("pad", "0_0").partition("_")[0]), int(window.get("rhs_dilate", 1))
    places = (out * stride + tap * apart - low for out in range(output) for tap in range(kernel))
    return sum(0 <= place <= (image - 1) * spread and place % spread == 0 for place in places)


class Chip(NamedTuple):
    """The published figures of one TPU chip.

    Attributes:
      cores: devices that a program sees; each has an equal share of the following figures.
      memory: bytes of HBM.
      bandwidth: bytes/s between chip and HBM.
      peak: FLOP/s of matrix products of bfloat16 numbers. A product of float32 numbers is rounded to bfloat16 at
        TensorFlow's default precision and costs the same; at the precisions "high" and "highest" it takes 3 and 6.
      links: bytes/s that all its links to other chips send together, one way.
      clock: Hz; None where it is not published.
      source: of the figures.
      chip_config: the compiler's name of the way in which the cores are used; None: the default.
    """

    cores: int
    memory: float
    bandwidth: float
    peak: float
    links: float
    clock: float | None
    source: str
    chip_config: str | None = None

    def per_core(self) -> "Chip":
        """The figures of one device."""
        shared = {name: getattr(self, name) / self.cores for name in ("memory", "bandwidth", "peak", "links")}
        return self._replace(cores=1, **shared)


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
    return _CHIPS[generation].per_core()


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
    """The roofline of a step.

    Args:
      chip: of one replica.
      moved: bytes between chip and HBM, a turn.
      products: floating-point operations of matrix products, a turn.
      replicas: n.
      gradient_bytes: of the sum over replicas: each sends and receives 2 (n − 1) / n of it, in a ring.
      candidate_bytes: of all replicas: each receives (n − 1) / n of it.
      turns: of a step.
    """
    received = (2 * gradient_bytes + candidate_bytes) * (replicas - 1) / replicas
    times = (moved / chip.bandwidth, products / chip.peak, received / (_LINKS_USED * chip.links))
    return Roofline(*(turns * time for time in times))
