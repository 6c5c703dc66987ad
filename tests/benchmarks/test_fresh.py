"""A process of its own."""

import subprocess
import sys

import numpy as np
import pytest

from tf_emcom.benchmarks import fresh
from tf_emcom.errors import UserError


def test_a_mistake_that_the_process_finds_is_told_in_its_sentence():
    with pytest.raises(UserError, match="^--gin_param no_such=1: no gin file binds a macro no_such; "):
        fresh.start("lg_s", ["no_such=1"])


def test_the_memory_of_the_process_that_starts_another_is_not_counted_as_its_own():
    large = np.ones(2**29, np.uint8)
    asked = "from tf_emcom.benchmarks import fresh; print(fresh._most_resident(), fresh._resident())"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    most, now = map(float, told.stdout.split())
    assert 0 < now <= most + 1 < large.size / 2**20
