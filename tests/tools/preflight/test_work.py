import itertools

import pytest

from tests.tools.preflight.programs import program
from tf_emcom.errors import UserError
from tf_emcom.tools.preflight.traffic import Traffic
from tf_emcom.tools.preflight.work import Chip, chip_of, roofline


def convolution(image, kernel, made, window, labels="b01f_01io->b01f"):
    shapes = [",".join(map(str, shape)) for shape in (image, kernel, made)]
    return f"""HloModule convolution

ENTRY %main (x: f32[{shapes[0]}], k: f32[{shapes[1]}]) -> f32[{shapes[2]}] {{
  %x = f32[{shapes[0]}] parameter(0)
  %k = f32[{shapes[1]}] parameter(1)
  ROOT %y = f32[{shapes[2]}] convolution(%x, %k), {f"window={{{window}}}, " if window else ""}dim_labels={labels}
}}
"""


def products(text):
    return Traffic(program(text)).work.products


def test_a_product_of_matrices_that_is_written_as_a_convolution():
    assert products(convolution((64, 32), (32, 16), (64, 16), "", "bf_io->bf")) == 2 * 64 * 32 * 16


def test_a_kernel_inside_the_image():
    text = convolution((2, 9, 9, 3), (3, 3, 3, 5), (2, 7, 7, 5), "size=3x3")
    assert products(text) == 2 * 2 * 7 * 7 * 3 * 3 * 3 * 5


def test_positions_in_the_padding_are_no_work():
    # Of four pixels with a window of three: 2 + 3 + 3 + 2 positions are within the image, in each direction.
    text = convolution((1, 4, 4, 1), (3, 3, 1, 1), (1, 4, 4, 1), "size=3x3 pad=1_1x1_1")
    assert products(text) == 2 * 10 * 10


@pytest.mark.parametrize(("stride", "spread"), [(1, 1), (2, 1), (1, 2), (2, 3)])
def test_strides_and_dilated_images_are_as_counted_one_by_one(stride, spread):
    size, kernel, pad = 5, 3, 1
    length = (size - 1) * spread + 1
    made = (length + 2 * pad - kernel) // stride + 1
    window = f"size=3 stride={stride} pad=1_1 lhs_dilate={spread}"
    text = convolution((1, size, 1), (kernel, 1, 1), (1, made, 1), window, "b0f_0io->b0f")
    pairs = 0
    for out, tap in itertools.product(range(made), range(kernel)):
        place = out * stride + tap - pad
        pairs += 0 <= place < length and place % spread == 0
    assert products(text) == 2 * pairs


def test_a_reduction_costs_its_input():
    text = """HloModule sum

%add (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %c = f32[] add(%a, %b)
}

ENTRY %main (x: f32[8,16]) -> f32[8] {
  %x = f32[8,16]{1,0} parameter(0)
  %z = f32[] constant(0)
  ROOT %s = f32[8]{0} reduce(%x, %z), dimensions={1}, to_apply=%add
}
"""
    assert Traffic(program(text)).work.elementwise == 128


CHIP = Chip(cores=1, memory=1e9, bandwidth=100.0, peak=1000.0, links=20.0, clock=None, source="")


def test_a_step_takes_the_longer_of_memory_and_compute_and_then_the_collectives():
    found = roofline(CHIP, moved=500, products=2000, replicas=4, gradient_bytes=16, candidate_bytes=8)
    # Each of four receives three quarters, twice of the gradients, once of the candidates; half the links work.
    assert found == (5.0, 2.0, (2 * 16 + 8) * 0.75 / 10)
    assert found.step == 5.0 + 3.0
    assert found.binds == "memory"


def test_one_replica_has_no_collectives():
    found = roofline(CHIP, moved=100, products=2000, replicas=1, gradient_bytes=16, candidate_bytes=8)
    assert (found.collectives, found.step, found.binds) == (0.0, 2.0, "compute")


def test_turns_are_done_one_after_the_other():
    one, three = (roofline(CHIP, 500, 2000, 2, 16, 8, turns) for turns in (1, 3))
    assert three.step == pytest.approx(3 * one.step)


def test_a_core_has_its_share_of_a_chip():
    core = chip_of("v3:2x2")
    assert (core.memory, core.bandwidth, core.peak) == (16 * 2**30, 450e9, 61.5e12)


@pytest.mark.parametrize("topology", ["v5e", "v9:2x2", "v5e:", ""])
def test_an_unknown_topology_is_refused(topology):
    with pytest.raises(UserError, match="v5e:2x2"):
        chip_of(topology)


def test_the_chip_that_tensorflow_does_not_run_on_is_refused():
    with pytest.raises(UserError, match="TensorFlow does not run"):
        chip_of("TPU7x:2x2x1")
