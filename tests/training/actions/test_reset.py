"""What a reset takes away, and what it leaves."""

import functools

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tests import lewis
from tf_emcom.errors import UserError
from tf_emcom.runtime.strategies import Mirrored, OneDevice
from tf_emcom.training.actions.action import TrainingState
from tf_emcom.training.actions.reset import (
    ResetOfListener,
    ResetOfListenerOptimizer,
    ResetOfOptimizers,
    ResetOfPair,
    ResetOfSpeaker,
    ResetOfSpeakerOptimizer,
)

GAMES = 8
AGENTS, MEMORIES = ("weights", "averages"), ("slots", "updates", "success")


@functools.cache
def trained():
    """A population of three speakers and two listeners that have all learnt something, and its state."""
    population = lewis.make_population(lewis.lg_s, GAMES, 3, 2, pairs=6)
    lewis.trained(population, OneDevice(False), 10)
    return population, states(population)


def states(crowd):
    """(kind, index, what, part) ↦ arrays."""
    found = {}
    for members in (crowd.speaker_members, crowd.listener_members):
        parts = {name: members.positions([name]) for name in ("core", "embedding", "head")}
        if members.name == "speaker":
            parts["to_state"] = members.positions(["to_state"])
        for i in range(members.count):
            of = functools.partial(members.rows.value, i)
            for part, positions in parts.items():
                key = (members.name, i)
                found[*key, "weights", part] = [of(members.weights[p]) for p in positions]
                if members.averages:
                    found[*key, "averages", part] = [of(members.averages[p]) for p in positions]
                found[*key, "updates", part] = [of(members.optimizer.updates)[positions]]
                found[*key, "slots", part] = [of(v) for v in members.optimizer.slots_of(positions)]
            found[members.name, i, "success", "all"] = [of(v) for v in members.success.state]
    return found


def after(action, step=30):
    """What changed: the keys, and the state that there is now; the population is put back afterwards."""
    population, before = trained()
    kept = lewis.everything(population)
    action.check(population)
    action.act(TrainingState(step, 100, population, None, None, None, None))
    now = states(population)
    stacks = [v for kind in (population.agents, population.optimizer_state) for own in kind.values() for v in own]
    for stack, value in zip(stacks, kept, strict=True):
        stack.assign(value)
    changed = {k for k in before if any(not np.array_equal(a, b) for a, b in zip(before[k], now[k], strict=True))}
    return changed, now


def drawn(action, kind, step=30):
    population, _ = trained()
    return population.drawn(getattr(population, f"{kind}_members"), action.__name__, step)[0]


def everything_of(action, kind):
    _, before = trained()
    return {key for key in before if key[:2] == (kind, drawn(action, kind))}


@pytest.mark.slow
def test_everything_had_been_learnt_before():
    _, before = trained()
    # Any: the critic of Q-values has nothing to learn in this game.
    assert all(any(np.any(value != 0.0) for value in values) for values in before.values())


@pytest.mark.parametrize(
    ("action", "kinds"),
    [(ResetOfSpeaker, ["speaker"]), (ResetOfListener, ["listener"]), (ResetOfPair, ["speaker", "listener"])],
)
def test_a_whole_reset_leaves_everybody_else_bit_for_bit(action, kinds):
    changed, now = after(action(10))
    assert changed == set().union(*(everything_of(action, kind) for kind in kinds))
    for key in changed:
        if key[2] in MEMORIES:
            assert not any(np.any(value) for value in now[key]), key
        if key[2] == "averages":
            for average, weight in zip(now[key], now[*key[:2], "weights", key[3]], strict=True):
                np.testing.assert_array_equal(average, weight)


@pytest.mark.parametrize("parts", [["head"], ["core", "embedding"]])
def test_a_reset_of_parts_leaves_the_other_parts_bit_for_bit(parts):
    changed, _ = after(ResetOfPair(10, parts))
    for kind in ("speaker", "listener"):
        assert {key for key in changed if key[0] == kind} == {
            key for key in everything_of(ResetOfPair, kind) if key[3] in parts or key[2] == "success"
        }


def test_optimiser_state_is_kept_where_asked():
    changed, _ = after(ResetOfSpeaker(10, optimizer_state=False))
    assert changed == {key for key in everything_of(ResetOfSpeaker, "speaker") if key[2] in (*AGENTS, "success")}


def test_optimisers_alone_are_reset():
    changed, now = after(ResetOfOptimizers(10))
    both = everything_of(ResetOfOptimizers, "speaker") | everything_of(ResetOfOptimizers, "listener")
    assert changed == {key for key in both if key[2] in ("slots", "updates")}
    assert not any(np.any(value) for key in changed for value in now[key])


@pytest.mark.parametrize(
    ("action", "kind"), [(ResetOfSpeakerOptimizer, "speaker"), (ResetOfListenerOptimizer, "listener")]
)
def test_the_optimizer_of_one_kind_alone_is_reset(action, kind):
    changed, now = after(action(10))
    assert changed == {key for key in everything_of(action, kind) if key[2] in ("slots", "updates")}
    assert not any(np.any(value) for key in changed for value in now[key])


@pytest.mark.parametrize("action", [ResetOfSpeaker, ResetOfSpeakerOptimizer])
def test_several_agents_are_reset_at_once_and_nobody_else(action):
    population, before = trained()
    changed, now = after(action(10, agents=2))
    both = population.drawn(population.speaker_members, action.__name__, 30, count=2)
    assert len(set(both)) == 2
    assert {key[:2] for key in changed} == {("speaker", index) for index in both}
    if action is ResetOfSpeaker:
        kernels = [now["speaker", index, "weights", "to_state"][0] for index in both]
        assert changed == {key for key in before if key[:2] in {("speaker", index) for index in both}}
        assert not np.array_equal(*kernels)


def test_several_are_all_different_and_drawn_evenly_the_first_as_if_alone():
    population = lewis.make_population(lewis.lg_s, GAMES, 4, 1)
    members = population.speaker_members
    draws = [population.drawn(members, "ResetOfSpeaker", step, count=3) for step in range(2400)]
    assert all(len(set(draw)) == 3 for draw in draws)
    assert [draw[:1] for draw in draws] == [population.drawn(members, "ResetOfSpeaker", step) for step in range(2400)]
    counts = np.zeros((4, 4, 4))
    np.add.at(counts, tuple(np.array(draws).T), 1)
    orders = counts[counts > 0]
    assert len(orders) == 24
    assert scipy.stats.chisquare(orders).pvalue > 1e-4


def test_new_weights_are_drawn_like_first_ones_and_anew_each_time():
    _, once = after(ResetOfSpeaker(10), step=30)
    _, again = after(ResetOfSpeaker(10), step=30)
    _, later = after(ResetOfSpeaker(10), step=60)
    key = ("speaker", drawn(ResetOfSpeaker, "speaker"), "weights", "to_state")
    later_key = ("speaker", drawn(ResetOfSpeaker, "speaker", 60), "weights", "to_state")
    np.testing.assert_array_equal(once[key][0], again[key][0])
    assert not np.array_equal(once[key][0], later[later_key][0])
    # Truncated normal of standard deviation 1/√fan-in, cut at twice that.
    kernel = once[key][0]
    assert np.abs(kernel).max() <= 2 / np.sqrt(lewis.FEATURES)
    np.testing.assert_allclose(kernel.std(), 0.88 / np.sqrt(lewis.FEATURES), rtol=0.2)


def test_everybody_is_drawn_in_turn():
    assert {drawn(ResetOfSpeaker, "speaker", step) for step in range(0, 400, 10)} == {0, 1, 2}


def test_speakers_and_listeners_are_drawn_independently():
    # Sizes that are powers of two show the lowest bits of what is drawn.
    population = lewis.make_population(lewis.lg_s, GAMES, 4, 4)
    both = (population.speaker_members, population.listener_members)
    pairs = [tuple(population.drawn(kind, "ResetOfPair", step)[0] for kind in both) for step in range(1000, 9000, 10)]
    counts = np.histogramdd(np.array(pairs), bins=(4, 4))[0]
    assert scipy.stats.chisquare(counts, axis=None).pvalue > 1e-4


def test_two_kinds_of_resets_at_one_step_draw_by_themselves():
    steps, kinds = range(0, 800, 10), (ResetOfSpeaker, ResetOfPair)
    draws = {tuple(drawn(kind, "speaker", step) for kind in kinds) for step in steps}
    assert draws == {(i, j) for i in range(3) for j in range(3)}


def test_each_of_several_runs_has_the_reset_that_it_has_alone():
    action = ResetOfPair(10, ["head"])
    together = lewis.make_independent(lewis.lg_s, GAMES, seeds=2, seed=3)
    action.act(TrainingState(30, 100, together, None, None, None, None))
    for i, seed in enumerate((3, 4)):
        alone = lewis.make_population(lewis.lg_s, GAMES, 1, 1, seed=seed)
        action.act(TrainingState(30, 100, alone, None, None, None, None))
        for name, weights in alone.agents.items():
            for ours, theirs in zip(together.agents[name], weights, strict=True):
                np.testing.assert_array_equal(ours.numpy()[i], theirs.numpy())


def test_every_replica_is_reset():
    distribution = Mirrored(False)
    with distribution.strategy.scope():
        population = lewis.make_population(lewis.lg_s, GAMES, 2, 2)
    ResetOfPair(10).act(TrainingState(30, 100, population, None, None, None, None))
    for variables in population.agents.values():
        for variable in variables:
            first, second = distribution.strategy.experimental_local_results(variable.value)
            np.testing.assert_array_equal(first.numpy(), second.numpy())


def test_resets_are_due_at_multiples_but_not_at_the_end():
    due = [step for step in range(1, 41) if ResetOfPair(10).due(TrainingState(step, 40, None, None, None, None, None))]
    assert due == [10, 20, 30]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ResetOfSpeaker(10, ["haed"]).check(trained()[0]), "A speaker has no part 'haed'; its parts are core"),
        (lambda: ResetOfPair(10, ["to_state"]).check(trained()[0]), "A listener has no part 'to_state'"),
        (lambda: ResetOfPair(10, "head"), "ResetOfPair.parts is 'head', but it has to be a list"),
        (lambda: ResetOfPair(10, []), "ResetOfPair.parts is \\[\\]"),
        (lambda: ResetOfPair(10, optimizer_state="no"), "optimizer_state is 'no', but it has to be True or False"),
        (lambda: ResetOfPair(0), "ResetOfPair.every is 0"),
        (lambda: ResetOfPair(10, agents=0), "ResetOfPair.agents is 0"),
        (
            lambda: ResetOfPair(10, agents=3).check(trained()[0]),
            "ResetOfPair.agents is 3, but a run here has 2 listeners to draw from",
        ),
        (
            lambda: ResetOfListener(10, agents=2).check(lewis.make_independent(lewis.lg_s, GAMES, seeds=3)),
            "ResetOfListener.agents is 2, but a run here has 1 listener to draw from",
        ),
        (lambda: ResetOfPair(10).check(lewis.make_learner(lewis.lg_s, GAMES)), "ResetOfPair resets agents of a game"),
    ],
)
def test_mistakes_are_told_in_a_sentence(make, words):
    with pytest.raises(UserError, match=words):
        make()


@pytest.mark.slow
def test_agents_learn_on_after_a_reset():
    population = lewis.make_population(lewis.lg_s, GAMES, 2, 2, pairs=2)
    lewis.trained(population, OneDevice(False), 2)
    ResetOfPair(2).act(TrainingState(2, 100, population, None, None, None, None))
    sums = lewis.trained(population, OneDevice(False), 2)
    assert all(np.isfinite(value).all() for value in sums.values())
    assert tf.reduce_all([tf.reduce_all(tf.math.is_finite(v)) for v in population.agents["speaker"]])
