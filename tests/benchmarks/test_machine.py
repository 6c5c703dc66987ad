"""The description of the machine."""

import os

import tensorflow as tf

from tf_emcom.benchmarks import machine


def test_it_describes_this_machine():
    found = machine.describe(load=0.126)
    assert found["cores"] == len(os.sched_getaffinity(0))
    assert found["tensorflow"] == tf.__version__
    assert found["load"] == 0.13
    assert found["processor"]
    assert machine.told(found).count("\n") >= 3
