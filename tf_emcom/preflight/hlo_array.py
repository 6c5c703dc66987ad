"""Arrays in the text of a compiled program: type, shape, layout and where they lie."""

import math
import re
from typing import NamedTuple

# Bits an element.
_BITS = {
    **{"pred": 8, "s4": 4, "u4": 4, "s8": 8, "u8": 8, "s16": 16, "u16": 16, "f16": 16, "bf16": 16},
    **{"s32": 32, "u32": 32, "f32": 32, "s64": 64, "u64": 64, "f64": 64, "c64": 64, "c128": 128},
    **{"f8e5m2": 8, "f8e4m3fn": 8, "f8e4m3b11fnuz": 8},
}
_ARRAY = re.compile(r"\b([a-z]+[0-9a-z]*)\[([0-9,]*)\](?:\{([^{}]*)\})?")
_TILE = re.compile(r"T((?:\([0-9,*]+\))+)")
_SPACE = re.compile(r"S\((\d+)\)")

# Memory spaces as TPU programs number them: without a number it is HBM.
HBM = 0


class HloArray(NamedTuple):
    """One array; a tuple is several."""

    dtype: str
    shape: tuple[int, ...]
    minor_to_major: tuple[int, ...] | None  # None: the last dimension is the innermost
    tile: tuple[int, ...]  # the innermost dimensions are padded to multiples of it
    space: int

    @property
    def elements(self) -> int:
        """How many, without padding."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """What it takes in memory, padded to whole tiles."""
        order = self.minor_to_major or tuple(reversed(range(len(self.shape))))
        physical = [self.shape[dimension] for dimension in reversed(order)]
        physical = [1] * (len(self.tile) - len(physical)) + physical
        for place, size in enumerate(reversed(self.tile), 1):
            physical[-place] = -(-physical[-place] // size) * size
        return math.prod(physical) * _BITS.get(self.dtype, 0) // 8

    @property
    def hbm_bytes(self) -> int:
        """The same where it lies in HBM; 0 where it lies on the chip."""
        return self.bytes if self.space == HBM else 0


def arrays_in(text: str) -> tuple[HloArray, ...]:
    """The arrays of a shape such as `f32[8,128]{1,0:T(8,128)S(1)}`, or of a tuple of them, in order."""
    return tuple(_array(*found.groups(default="")) for found in _ARRAY.finditer(text))


def _array(dtype: str, dimensions: str, layout: str) -> HloArray:
    order, _, details = layout.partition(":")
    tile, space = _TILE.search(details), _SPACE.search(details)
    return HloArray(
        dtype,
        _numbers(dimensions),
        _numbers(order) if order else None,
        # Tiles within the tile only order its elements.
        _numbers(tile[1][1:].partition(")")[0].replace("*", "1")) if tile else (),
        int(space[1]) if space else HBM,
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(",") if number)
