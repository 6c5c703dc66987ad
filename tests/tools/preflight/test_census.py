from tests.tools.preflight.programs import LOOP, ROW
from tf_emcom.tools.preflight.findings import long_integers, slow_operations, stack_copies
from tf_emcom.tools.preflight.hlo import Program
from tf_emcom.tools.preflight.traffic import Traffic

STACKS = {(5, 256)}


def test_slow_operations_are_counted():
    assert slow_operations(Program(LOOP)) == {"gather": 0, "scatter": 0, "sort": 0, "while": 1, "conditional": 0}


def test_integers_of_64_bits_are_counted_where_they_are_computed_with():
    text = LOOP.replace("s32[] add", "s64[] add").replace("s32[] constant(1)", "s64[] constant(1)")
    assert long_integers(Program(text)) == 1


def test_an_update_in_place_copies_no_stack():
    assert stack_copies(Traffic(Program(ROW)), STACKS) == []


def test_a_stack_that_is_written_as_a_whole_is_counted():
    text = ROW.replace(
        "ROOT %update = f32[5,256]{1,0} fusion",
        "%copied = f32[5,256]{1,0} copy(%stacks)\n  ROOT %update = f32[5,256]{1,0} fusion",
    ).replace("fusion(%stacks", "fusion(%copied")
    assert [cost.written for cost in stack_copies(Traffic(Program(text)), STACKS)] == [4 * 5 * 256]
    assert stack_copies(Traffic(Program(text)), {(4, 256)}) == []
