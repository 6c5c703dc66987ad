"""Several runs at once, against each of them alone."""

import functools

import numpy as np
import pytest

from tests import lewis
from tf_emcom.errors import UserError
from tf_emcom.runtime.strategies import Mirrored, OneDevice
from tf_emcom.training.populations.independent_pairs import IndependentPairs

GAMES = 8


@functools.cache
def alone(rules, seed):
    """The metrics and the whole state of the run with this seed, after 20 steps on one device."""
    population = lewis.make_population(rules, GAMES, 1, 1, seed=seed)
    sums = lewis.trained(population, OneDevice(False), 20)
    return sums, lewis.everything(population)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rules", "distribution", "jit"),
    [
        (lewis.lg_s, OneDevice, False),
        (lewis.nlg, OneDevice, True),
        (lewis.nlg, Mirrored, False),
        (lewis.noisy_inputs, OneDevice, False),
    ],
)
def test_each_pair_is_the_run_that_its_seed_gives_alone(rules, distribution, jit):
    distribution = distribution(jit)
    with distribution.strategy.scope():
        together = lewis.make_independent(rules, GAMES, seeds=3, seed=5)
    assert together.seeds() == [5, 6, 7]
    sums = lewis.trained(together, distribution, 20)
    state = lewis.everything(together)
    for i, seed in enumerate(together.seeds()):
        own_sums, own_state = alone(rules, seed)
        for name, value in own_sums.items():
            np.testing.assert_allclose(sums[name][i], value, atol=1e-4, rtol=1e-5, err_msg=name)
        for ours, theirs in zip(state, own_state, strict=True):
            np.testing.assert_allclose(ours[i], theirs, atol=1e-5)


def test_pairs_are_tested_with_their_own_partner():
    together = lewis.make_independent(lewis.lg_s, GAMES, seeds=3)
    assert together.pairs() == [(0, 0), (1, 1), (2, 2)]
    assert lewis.make_population(lewis.lg_s, GAMES, 2, 12).pairs() == [(i, j) for i in range(2) for j in range(10)]


@pytest.mark.parametrize("name", ["n_speakers", "n_listeners"])
def test_runs_of_more_than_a_pair_each_are_refused(name):
    with pytest.raises(UserError, match=f"{name} is 2, but with seeds = 3 each run is of one speaker and one listener"):
        IndependentPairs(lewis.lg_s(), lewis.make_learner, lewis.FEATURES, GAMES, seeds=3, **{name: 2})
