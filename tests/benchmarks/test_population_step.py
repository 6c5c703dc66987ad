"""Both ways of a comparison of steps play as much."""

import numpy as np
import pytest

from tf_emcom.benchmarks._runs import Size
from tf_emcom.benchmarks.independent_seeds import IndependentSeeds
from tf_emcom.benchmarks.population_step import PopulationStep

WARM_UP = 2


class Pairs(PopulationStep):
    size, batch_size, steps = Size(6, 4, 5, 3), 4, 3


class Seeds(IndependentSeeds):
    batch_size, steps = 4, 3


def turns(run):
    """The turns that all speakers of a run have played."""
    members = run._trainer.learner.speaker_members
    return sum(int(members.rows.value(i, members.success.turns)) for i in range(members.count))


@pytest.mark.parametrize("calls", [1, 2])
def test_a_population_and_a_pair_play_the_same_number_of_turns(calls):
    comparison = Pairs(n=2, pairs=4)
    for _ in range(calls):
        assert comparison.same(comparison.ours(), comparison.plain())
    assert turns(comparison._population) == 4 * (WARM_UP + 3 * calls)
    assert turns(comparison._pair) == WARM_UP + 4 * 3 * calls


def test_seeds_together_and_alone_play_the_same_number_of_turns():
    comparison = Seeds(seeds=2)
    np.testing.assert_array_equal(comparison.ours(), comparison.plain())
    assert turns(comparison._together) == 2 * (WARM_UP + 3)
    assert turns(comparison._alone) == WARM_UP + 2 * 3
