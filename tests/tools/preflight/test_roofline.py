import pytest

from tf_emcom.errors import UserError
from tf_emcom.tools.preflight.work import Chip, chip_of, roofline

CHIP = Chip(cores=1, memory=1e9, bandwidth=100.0, peak=1000.0, links=20.0, clock=None, source="")


def test_the_longer_of_memory_and_compute_and_then_the_collectives():
    found = roofline(CHIP, moved=500, products=2000, replicas=4, gradient_bytes=16, candidate_bytes=8)
    # Each of four receives three quarters, twice of the gradients, once of the candidates; half the links work.
    assert found == (5.0, 2.0, (2 * 16 + 8) * 0.75 / 10)
    assert found.step == 5.0 + 3.0
    assert found.binds == "memory"


def test_one_replica_waits_for_nobody():
    found = roofline(CHIP, moved=100, products=2000, replicas=1, gradient_bytes=16, candidate_bytes=8)
    assert (found.collectives, found.step, found.binds) == (0.0, 2.0, "compute")


def test_turns_are_done_one_after_the_other():
    one, three = (roofline(CHIP, 500, 2000, 2, 16, 8, turns) for turns in (1, 3))
    assert three.step == pytest.approx(3 * one.step)


def test_a_chip_of_two_cores_is_shared_out():
    core = chip_of("v3:2x2")
    assert (core.memory, core.bandwidth, core.peak) == (16 * 2**30, 450e9, 61.5e12)


@pytest.mark.parametrize("topology", ["v5e", "v9:2x2", "v5e:", ""])
def test_an_unknown_topology_is_told(topology):
    with pytest.raises(UserError, match="v5e:2x2"):
        chip_of(topology)


def test_the_chip_that_tensorflow_does_not_run_on_is_told():
    with pytest.raises(UserError, match="TensorFlow does not run"):
        chip_of("TPU7x:2x2x1")
