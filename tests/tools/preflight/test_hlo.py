import pytest

from tests.tools.preflight.programs import program
from tf_emcom.tools.preflight.hlo import arrays_of, bytes_of, elements_of, hbm_bytes_of


def arrays_in(text):
    """The arrays of a parameter of such a shape."""
    found = program(f"HloModule one\n\nENTRY %main {{\n  ROOT %x = {text} parameter(0)\n}}\n")
    return arrays_of(found.root(found.entry))


SIZES = {
    "f32[]": 4,
    "f32[1024,2048]{1,0:T(8,128)}": 4 * 1024 * 2048,
    # 20 columns fill a tile of 128; laid out the other way round, 20 rows fill three tiles of 8.
    "f32[1024,20]{1,0:T(8,128)}": 4 * 1024 * 128,
    "f32[1024,20]{0,1:T(8,128)}": 4 * 24 * 1024,
    "bf16[10,300]{1,0:T(8,128)(2,1)}": 2 * 16 * 384,
    # A vector in tiles of one row of 256.
    "f32[300]{0:T(256)}": 4 * 512,
    # In tiles of two dimensions it is one row of the first tile.
    "f32[300]{0:T(8,128)}": 4 * 8 * 384,
    "pred[3,5]{1,0}": 15,
    "u32[]{:S(2)}": 4,
}


@pytest.mark.parametrize("text", SIZES)
def test_bytes_are_those_of_whole_tiles(text):
    (array,) = arrays_in(text)
    assert bytes_of(array) == SIZES[text]


def test_arrays_on_the_chip_take_no_hbm():
    first, second = arrays_in("(f32[8,128]{1,0:T(8,128)}, bf16[8,128]{1,0:T(8,128)(2,1)S(1)})")
    assert hbm_bytes_of(first) == 4096
    assert (hbm_bytes_of(second), bytes_of(second)) == (0, 2048)


def test_elements_are_counted_without_padding():
    assert elements_of(arrays_in("f32[3,5,7]{2,1,0:T(8,128)}")[0]) == 105
