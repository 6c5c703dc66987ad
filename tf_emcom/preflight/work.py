"""The arithmetic of a compiled program."""

import math
import re
from typing import NamedTuple

from tf_emcom.preflight.hlo_program import Instruction, Program

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
