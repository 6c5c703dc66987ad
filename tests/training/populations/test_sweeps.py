"""Runs that differ in numbers, at once, against each of them alone."""

import functools

import numpy as np
import pytest

from tests import lewis
from tf_emcom.agents.heads.listener import NormMergePolicyValue
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.recurrent import LstmCore
from tf_emcom.agents.speaker import Speaker
from tf_emcom.errors import UserError
from tf_emcom.games.channels import Erasure
from tf_emcom.games.lewis import Game
from tf_emcom.games.losses import ListenerReinforce, SpeakerReinforce
from tf_emcom.games.policies import Sampled
from tf_emcom.games.rewards import Success
from tf_emcom.games.tasks import Discrimination
from tf_emcom.runtime.strategies import Mirrored, OneDevice
from tf_emcom.schedules import CosineDecay, LinearRamp, Varied
from tf_emcom.training.learner import Learner
from tf_emcom.training.optimizers import Adam
from tf_emcom.training.populations.independent_pairs import IndependentPairs
from tf_emcom.training.populations.population import Population

GAMES, STEPS = 8, 10
USUAL = {"noise": 0.3, "entropy": 0.01, "kl": 0.5, "value": 0.1, "rate": 3e-3, "decay": 0.9, "temperature": 1.0}
USUAL["input_noise"] = 0.0


def game(numbers):
    """NLG, whose noise rises to the number in half of the steps."""
    return Game(
        Erasure(LinearRamp(0.1, numbers["noise"], STEPS, 0.5)),
        Discrimination(),
        Sampled(numbers["temperature"]),
        Success(1.0, -1.0),
        SpeakerReinforce(numbers["entropy"], numbers["kl"]),
        ListenerReinforce(numbers["entropy"], numbers["value"]),
        numbers["input_noise"],
    )


def learner(numbers, game, features=lewis.FEATURES, batch_size=GAMES, seed=0):
    """A pair; both agents learn with the same rate, and that of the speaker falls."""
    return Learner(
        game,
        functools.partial(Speaker, 7, 4, core_cls=functools.partial(LstmCore, 8), embedding_size=5),
        functools.partial(
            *(Listener, 7),
            core_cls=functools.partial(LstmCore, 9),
            head_cls=functools.partial(NormMergePolicyValue, 6),
            embedding_size=5,
        ),
        functools.partial(Adam, learning_rate=CosineDecay(numbers["rate"], STEPS)),
        functools.partial(Adam, learning_rate=numbers["rate"]),
        *(features, batch_size, seed),
        target_decay=numbers["decay"],
    )


def sweep(seed=3, seeds=1, **varied):
    """Pairs with the usual numbers and these values of others."""
    numbers = USUAL | {name: Varied(name, values) for name, values in varied.items()}
    return IndependentPairs(game(numbers), functools.partial(learner, numbers), lewis.FEATURES, GAMES, seed, seeds)


@functools.cache
def alone(seed, numbers):
    """The metrics and the whole state of a single run, after all steps on one device; numbers as items."""
    numbers = dict(numbers)
    pair = Population(game(numbers), functools.partial(learner, numbers), lewis.FEATURES, GAMES, seed)
    return lewis.trained(pair, OneDevice(False), STEPS), lewis.everything(pair)


def check_each_row(together, distribution, chosen):
    """Trains the pairs, and some of them alone: the state and the means of the metrics are the same."""
    sums, state = lewis.trained(together, distribution, STEPS), lewis.everything(together)
    for i in chosen:
        seed, own = together.seeds()[i], together.varied()[i]
        own_sums, own_state = alone(seed, tuple((USUAL | own).items()))
        assert own_sums.keys() == sums.keys()
        for name, value in own_sums.items():
            np.testing.assert_allclose(sums[name][i] / STEPS, value / STEPS, atol=1e-5, err_msg=f"{own} {name}")
        for ours, theirs in zip(state, own_state, strict=True):
            np.testing.assert_allclose(ours[i], theirs, atol=1e-5, err_msg=str(own))


OTHERS = (
    {"noise": 0.8, "entropy": 0.3, "kl": 2.0, "value": 1.0},
    {"rate": 1e-3, "decay": 0.0, "temperature": 3.0, "input_noise": 0.8},
)


@pytest.mark.slow
@pytest.mark.parametrize("others", OTHERS, ids=", ".join)
def test_each_row_is_the_run_that_its_number_gives_alone(others):
    together = sweep(**{name: [USUAL[name], other] for name, other in others.items()})
    changed = [{name for name, value in run.items() if value != USUAL[name]} for run in together.varied()]
    assert len(changed) == 16
    # Runs of their own are those in which one number is another, and the usual one.
    chosen = {"".join(names): i for i, names in enumerate(changed) if len(names) < 2}
    check_each_row(together, OneDevice(False), chosen.values())
    state = lewis.everything(together)
    for name in others:
        differs = [not np.allclose(rows[chosen[""]], rows[chosen[name]], atol=1e-4) for rows in state]
        assert any(differs), f"{name} had no effect"


@pytest.mark.slow
def test_two_numbers_and_two_seeds_make_eight_runs_compiled_by_xla_on_two_replicas():
    distribution = Mirrored(True)
    with distribution.strategy.scope():
        together = sweep(seeds=2, noise=[0.2, 0.6], kl=[0.1, 1.0])
    assert together.seeds() == 4 * [3, 4]
    assert together.varied() == [
        {"kl": kl, "noise": noise} for kl in (0.1, 1.0) for noise in (0.2, 0.6) for _ in range(2)
    ]
    check_each_row(together, distribution, [0, 3, 5, 6])


def test_a_reset_gives_each_row_the_weights_that_its_seed_gives_alone():
    together = sweep(seeds=2, noise=[0.2, 0.6])
    members = together.speaker_members
    assert together.drawn(members, "ResetOfPair", 10) == [0, 1, 2, 3]
    alone = [
        Population(game(USUAL), functools.partial(learner, USUAL), lewis.FEATURES, GAMES, seed=seed) for seed in (3, 4)
    ]
    assert [together.seed_for(members, i, "ResetOfPair", 10) for i in range(4)] == 2 * [
        population.seed_for(population.speaker_members, 0, "ResetOfPair", 10) for population in alone
    ]


def test_outside_of_a_step_games_have_the_numbers_of_the_agent_that_plays():
    together = sweep(noise=[0.2, 0.6])
    # The noise has risen after step 5.
    assert together.noises(7) == pytest.approx([0.2, 0.6])
    assert together.noises(0) == pytest.approx([0.1, 0.1])
    for index, noise in ((0, 0.2), (1, 0.6), (0, 0.2)):
        together.speaker_as(index)
        assert float(together.game.channel.noise(np.int64(7))) == pytest.approx(noise)
    together.listener_as(1)
    assert float(together.game.channel.noise(np.int64(7))) == pytest.approx(0.6)
    assert float(together.game.channel.with_noise(0.5).noise(np.int64(7))) == 0.5


def test_pairs_are_tested_with_their_own_partner_and_rows_say_which_run_they_are():
    together = sweep(seeds=2, noise=[0.2, 0.6])
    assert together.pairs() == [(i, i) for i in range(4)]
    assert together.named_run(1) == {"training_seed": 4, "varied": {"noise": 0.2}}
    assert together.named_run(2) == {"training_seed": 3, "varied": {"noise": 0.6}}


def test_two_learners_may_share_a_game():
    numbers = USUAL | {"noise": Varied("noise", [0.2, 0.6])}
    shared = game(numbers)
    first, second = (
        IndependentPairs(shared, functools.partial(learner, numbers), lewis.FEATURES, GAMES, seeds=1) for _ in range(2)
    )
    second.speaker_as(1)
    assert first.noises(7) == second.noises(7) == pytest.approx([0.2, 0.6])


@pytest.mark.slow
def test_a_pair_or_a_population_refuses_what_varies():
    numbers = USUAL | {"noise": Varied("noise", [0.2, 0.6])}
    alone = Population(game(numbers), functools.partial(learner, numbers), lewis.FEATURES, GAMES)
    with pytest.raises(UserError, match="'noise' is Varied, but only independent pairs of agents in one program"):
        lewis.trained(alone, OneDevice(False), 1)


def test_a_sweep_of_a_population_is_refused():
    numbers = USUAL | {"noise": Varied("noise", [0.2, 0.6])}
    with pytest.raises(UserError, match="n_speakers is 2, but where numbers are Varied each run is of one speaker"):
        IndependentPairs(
            *(game(numbers), functools.partial(learner, numbers), lewis.FEATURES, GAMES), seeds=1, n_speakers=2
        )
