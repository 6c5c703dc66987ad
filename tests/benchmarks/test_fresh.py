"""A process of its own."""

import pytest

from tf_emcom.benchmarks import fresh
from tf_emcom.errors import UserError


def test_a_mistake_that_the_process_finds_is_told_in_its_sentence():
    with pytest.raises(UserError, match="^--gin_param no_such=1: no gin file binds a macro no_such; "):
        fresh.start("lg_s", ["no_such=1"])
