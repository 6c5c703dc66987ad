"""Work of a compiled step, and what a chip makes of it."""

import math
import re
from typing import NamedTuple

from tf_emcom.errors import UserError
from tf_emcom.tools.preflight.hlo import Instruction, Program

_CHEAP = frozenset(
    "add subtract multiply divide maximum minimum negate abs compare select and or xor not clamp power remainder sign"
    " shift-left shift-right-logical shift-right-arithmetic floor ceil round-nearest-even round-nearest-afz sqrt rsqrt"
    " exponential log log-plus-one exponential-minus-one logistic tanh sine cosine cbrt atan2 erf".split()
)
# How many products of bfloat16 numbers the matrix units make of one product of float32 numbers.
_PASSES = {"highest": 6, "high": 3}
_WINDOW = re.compile(r"(\w+)=([0-9x_\-]+)")


class Work(NamedTuple):
    """What an instruction computes.

    Attributes:
      products: floating-point operations of matrix products and convolutions, two a multiplication.
      passes: the same, each counted as often as the matrix units have to make it.
      elementwise: operations on single elements.
    """

    products: int = 0
    passes: int = 0
    elementwise: int = 0

    def plus(self, other: "Work", times: int = 1) -> "Work":
        """The sum, with the other one done so many times."""
        return Work(*(mine + times * theirs for mine, theirs in zip(self, other, strict=True)))


def work_of(program: Program, computation: str, instruction: Instruction) -> Work:
    """The arithmetic of one instruction, with all that is fused into it."""
    here = program.computations[computation]
    if instruction.opcode in ("fusion", "call", "async-start"):
        called = instruction.attribute("calls") or instruction.attribute("to_apply")
        total = Work()
        for each in program.computations[called].values():
            total = total.plus(work_of(program, called, each))
        return total
    if instruction.opcode == "dot":
        sizes = here[instruction.operands[0]].arrays[0].shape
        summed = math.prod(sizes[d] for d in _numbers(instruction.attribute("lhs_contracting_dims")))
        return _products(here, instruction, 2 * instruction.arrays[0].elements * summed)
    if instruction.opcode == "convolution":
        return _products(here, instruction, _convolution(here, instruction))
    if instruction.opcode in ("reduce", "reduce-window"):
        return Work(elementwise=sum(array.elements for array in here[instruction.operands[0]].arrays))
    return Work(elementwise=instruction.arrays[0].elements) if instruction.opcode in _CHEAP else Work()


def _products(here: dict[str, Instruction], instruction: Instruction, products: int) -> Work:
    single = all(here[name].arrays[0].dtype == "f32" for name in instruction.operands)
    precision = instruction.attribute("operand_precision").strip("{}").partition(",")[0]
    return Work(products, products * (_PASSES.get(precision, 1) if single else 1))


def _convolution(here: dict[str, Instruction], instruction: Instruction) -> int:
    """Two for each pair of an output element and an element of its window that lies within the input."""
    labels = instruction.attribute("dim_labels")
    inputs, kernel, outputs = re.fullmatch(r"(\w+)_(\w+)->(\w+)", labels).groups()
    image, filters = (here[name].arrays[0].shape for name in instruction.operands)
    made = instruction.arrays[0].shape
    window = _window(instruction.attributes)
    pairs = made[outputs.index("b")] * made[outputs.index("f")] * filters[kernel.index("i")]
    for place in range(len(inputs) - 2):
        pairs *= _pairs(
            image[inputs.index(str(place))],
            made[outputs.index(str(place))],
            filters[kernel.index(str(place))],
            {name: values[place] for name, values in window.items()},
        )
    # Groups of a batch do not see each other.
    return 2 * pairs // int(instruction.attribute("batch_group_count") or 1)


def _window(attributes: str) -> dict[str, list[str]]:
    found = re.search(r"window=\{([^}]*)\}", attributes)
    return {name: values.split("x") for name, values in _WINDOW.findall(found[1])} if found else {}


def _pairs(image: int, made: int, kernel: int, window: dict[str, str]) -> int:
    """Along one dimension: how many pairs of an output and a kernel position meet an element of the input."""
    stride, spread = int(window.get("stride", 1)), int(window.get("lhs_dilate", 1))
    low, apart = int(window.get("pad", "0_0").partition("_")[0]), int(window.get("rhs_dilate", 1))
    last = (image - 1) * spread
    places = (out * stride + tap * apart - low for out in range(made) for tap in range(kernel))
    return sum(0 <= place <= last and place % spread == 0 for place in places)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


class Chip(NamedTuple):
    """The published figures of one TPU chip.

    Attributes:
      cores: devices that a program sees of it; each has an equal share of what follows.
      memory: bytes of HBM.
      bandwidth: bytes/s between chip and HBM.
      peak: FLOP/s of matrix products of bfloat16 numbers. A product of float32 numbers is rounded to bfloat16 at
        TensorFlow's default precision and costs the same; at the precisions "high" and "highest" it takes 3 and 6.
      links: bytes/s that all its links to other chips send together, one way.
      clock: Hz; None where the published figures do not tell.
      source: where they are published.
      chip_config: what the compiler calls the way in which its cores are used; None: the usual one.
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
        """What one device has of it."""
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
      UserError: nothing is known of such a chip.
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
    """Lower limits, in seconds (Williams, Waterman & Patterson 2009): nothing but the named thing would take so long.

    Attributes:
      memory: moving everything between chip and HBM.
      compute: all matrix products, at the matrix units' peak.
      collectives: summing gradients and gathering candidates between replicas.
    """

    memory: float
    compute: float
    collectives: float

    @property
    def step(self) -> float:
        """Memory and compute at the same time, and the collectives, for which the step waits."""
        return max(self.memory, self.compute) + self.collectives

    @property
    def binds(self) -> str:
        """Which of the sides is the longest."""
        return max(self._asdict(), key=self._asdict().get)


def roofline(
    chip: Chip, moved: int, products: int, replicas: int, gradient_bytes: int, candidate_bytes: int, turns: int = 1
) -> Roofline:
    """The roofline of a step.

    Args:
      chip: what one replica runs on.
      moved: bytes between chip and HBM, a turn.
      products: floating-point operations of matrix products, a turn.
      replicas: n, how many work together.
      gradient_bytes: what they sum: each sends and receives 2 (n − 1) / n of it, in a ring.
      candidate_bytes: what they gather: each receives (n − 1) / n of it.
      turns: how many turns a step has.
    """
    received = (2 * gradient_bytes + candidate_bytes) * (replicas - 1) / replicas
    sides = (moved / chip.bandwidth, products / chip.peak, received / (_LINKS_USED * chip.links))
    return Roofline(*(turns * side for side in sides))
