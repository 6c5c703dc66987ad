import pytest

from tests.tools.preflight.programs import LOOP, MATMUL, ROW, program
from tf_emcom.tools.preflight.traffic import Traffic
from tf_emcom.tools.preflight.work import Work

SQUARE = 4 * 64 * 64  # bytes of a matrix of LOOP


def test_a_product_moves_its_matrices_once_and_counts_two_operations_a_multiplication():
    traffic = Traffic(program(MATMUL))
    assert traffic.moved == 4 * (64 * 32 + 32 * 16 + 64 * 16)
    assert traffic.work == Work(products=2 * 64 * 32 * 16, passes=2 * 64 * 32 * 16)


@pytest.mark.parametrize(("precision", "passes"), [("default", 1), ("high", 3), ("highest", 6)])
def test_a_product_of_float32_takes_as_many_passes_as_its_precision_needs(precision, passes):
    text = MATMUL.replace("dims={0}", f"dims={{0}}, operand_precision={{{precision},{precision}}}")
    work = Traffic(program(text)).work
    assert work.passes == passes * work.products


def test_a_loop_is_counted_as_often_as_it_runs():
    traffic = Traffic(program(LOOP))
    assert traffic.work.products == 10 * 2 * 64**3
    scalars = 10 * 3 * 4 + 11 * (4 + 4 + 1)  # the counter's sum, and its comparison, which runs once more
    # In each round the state is read and written; the matrix comes to the chip once.
    assert traffic.moved == 10 * 2 * SQUARE + SQUARE + scalars
    assert not traffic.unknown_loops


def test_a_loop_of_unknown_length_is_counted_once_and_reported():
    text = LOOP.replace("%zero = s32[] constant(0)", "%zero = s32[] parameter(2)")
    traffic = Traffic(program(text))
    assert traffic.work.products == 2 * 64**3
    assert [loop.name for loop in traffic.unknown_loops] == ["loop"]


def test_the_compiler_s_own_trip_count_comes_first():
    text = LOOP.replace("body=%body", 'body=%body, backend_config={"known_trip_count":{"n":"7"}}')
    assert Traffic(program(text)).work.products == 7 * 2 * 64**3


def test_a_row_that_is_updated_in_place_moves_no_stack():
    row = 4 * 256
    index = 4
    assert Traffic(program(ROW)).moved == row + index + row


def test_a_stack_that_is_read_as_a_whole_moves_as_a_whole():
    text = ROW.replace(
        "%twice = f32[1,256]{1,0} add(%row, %row)",
        "%all = f32[5,256]{1,0} negate(%stack)\n  %twice = f32[1,256]{1,0} slice(%all), slice={[0:1], [0:256]}",
    )
    assert Traffic(program(text)).moved == 5 * 4 * 256 + 4 + 4 * 256


def test_of_two_branches_the_more_expensive_one_is_counted():
    text = """HloModule branches

%small (s: f32[8]) -> f32[8] {
  %s = f32[8]{0} parameter(0)
  ROOT %n = f32[8]{0} negate(%s)
}

%large (l: f32[8]) -> f32[8] {
  %l = f32[8]{0} parameter(0)
  %m = f32[8]{0} negate(%l)
  ROOT %o = f32[8]{0} negate(%m)
}

ENTRY %main (p: pred[], x: f32[8]) -> f32[8] {
  %p = pred[] parameter(0)
  %x = f32[8]{0} parameter(1)
  ROOT %c = f32[8]{0} conditional(%p, %x, %x), true_computation=%small, false_computation=%large
}
"""
    assert Traffic(program(text)).moved == 4 * 8 * 4


def test_cycles_of_the_compiler_are_counted_as_often_as_they_run():
    text = LOOP.replace("%y = f32[64,64]{1,0} dot(%x, %w),", "%y = f32[64,64]{1,0} dot(%x, %w), backend_config=X,")
    text = text.replace("backend_config=X", 'backend_config={"window_config":{"estimated_cycles":"300"}}')
    assert Traffic(program(text)).cycles == 3000


def test_a_limit_in_the_state_of_a_loop_is_followed():
    text = LOOP.replace("%limit = s32[] constant(10)", "%limit = s32[] get-tuple-element(%given), index=3")
    for old, new in (
        ("(s32[], f32[64,64], f32[64,64])", "(s32[], f32[64,64], f32[64,64], s32[])"),
        ("f32[64,64]{1,0:S(1)}) ", "f32[64,64]{1,0:S(1)}, s32[]) "),
        ("tuple(%next, %y, %w)", "tuple(%next, %y, %w, %kept)"),
        ("  %one = ", "  %kept = s32[] get-tuple-element(%state), index=3\n  %one = "),
        ("tuple(%zero, %x.1, %near)", "tuple(%zero, %x.1, %near, %six)"),
        ("  %zero = ", "  %six = s32[] constant(6)\n  %zero = "),
    ):
        assert old in text
        text = text.replace(old, new)
    assert Traffic(program(text)).work.products == 6 * 2 * 64**3
    counting = text.replace("tuple(%next, %y, %w, %kept)", "tuple(%next, %y, %w, %next)")
    # After the first round, the limit is the counter.
    assert Traffic(program(counting)).work.products == 2 * 64**3
