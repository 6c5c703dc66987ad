"""Pairs drawn from a population, against pairs that play alone."""

import numpy as np
import pytest
import tensorflow as tf

from tests import lewis
from tf_emcom.data.pipeline import Order, Pipeline
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError
from tf_emcom.runtime.strategies import Mirrored, OneDevice
from tf_emcom.training.trainee import Turn
from tf_emcom.training.trainer import Trainer
from tf_emcom.types import Batch

GAMES = 8


@pytest.mark.slow
@pytest.mark.parametrize("rules", [lewis.lg_s, lewis.nlg])
def test_a_population_of_one_pair_is_the_pair(rules):
    pair, population = lewis.make_learner(rules, GAMES), lewis.make_population(rules, GAMES, 1, 1)
    alone = lewis.trained(pair, OneDevice(False), 5)
    together = lewis.trained(population, OneDevice(False), 5)
    assert alone == together
    for ours, theirs in zip(population.pair.agents.values(), pair.agents.values(), strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


class Villagers:
    """The same population as separate pairs of Keras models, one a speaker and one a listener, without any stack."""

    def __init__(self, population):
        self.speakers = [self.double(population, i, 0) for i in range(population.speakers)]
        self.listeners = [self.double(population, 0, j) for j in range(population.listeners)]
        self.hands = lewis.make_learner(lewis.nlg, GAMES)

    def double(self, population, i, j):
        learner = lewis.make_learner(lewis.nlg, GAMES)
        learner.speaker.set_weights(population.speaker_as(i).get_weights())
        learner.target_speaker.set_weights(population.speaker_as(i).get_weights())
        learner.listener.set_weights(population.listener_as(j).get_weights())
        return learner

    def parts(self, learner, whole):
        return (
            [*learner.agents["speaker"], *learner.agents["target_speaker"], *learner.speaker_optimizer.state]
            if whole == "speaker"
            else [*learner.agents["listener"], *learner.listener_optimizer.state]
        )

    def move(self, source, target, kind):
        for a, b in zip(self.parts(source, kind), self.parts(target, kind), strict=True):
            b.assign(a.value)

    def play(self, batch, step, row):
        speaker, listener = self.speakers[row[2]], self.listeners[row[3]]
        self.move(speaker, self.hands, "speaker")
        self.move(listener, self.hands, "listener")
        turn = Turn(batch, batch.inputs, step, tf.constant(0), tf.constant(row))
        gradients, metrics = self.hands.gradients(turn)
        self.hands.apply(gradients, step, turn.row)
        self.move(self.hands, speaker, "speaker")
        self.move(self.hands, listener, "listener")
        return metrics


@pytest.mark.slow
@pytest.mark.parametrize(("distribution", "jit"), [(OneDevice, False), (OneDevice, True), (Mirrored, False)])
def test_pairs_play_one_after_the_other_and_metrics_are_means_over_them(distribution, jit):
    distribution = distribution(jit)
    with distribution.strategy.scope():
        population = lewis.make_population(lewis.nlg, GAMES, 3, 2, pairs=4)
    twins = Villagers(population)
    sums = lewis.trained(population, distribution, 3)
    order, inputs = Order(40, GAMES, population.seed, "train"), lewis.inputs(40)
    accuracies, losses = [], []
    for number in range(3):
        step = tf.constant(number, tf.int64)
        batch = Batch(tf.constant(inputs[order.indices(number)]), {})
        metrics = [twins.play(batch, step, turn) for turn in population.turns(step).numpy()]
        accuracies.append(np.mean([m["accuracy"] for m in metrics]))
        losses.append(np.mean([m["loss"] for m in metrics]))
    np.testing.assert_allclose(sums["accuracy"], np.sum(accuracies), atol=1e-6)
    np.testing.assert_allclose(sums["loss"], np.sum(losses), atol=1e-4)
    for members, kind, doubles in (
        (population.speaker_members, "speaker", twins.speakers),
        (population.listener_members, "listener", twins.listeners),
    ):
        for i, double in enumerate(doubles):
            for variable, theirs in zip(members.rows.variables, twins.parts(double, kind), strict=False):
                np.testing.assert_allclose(members.rows.value(i, variable), theirs.numpy(), atol=2e-5, err_msg=kind)


@pytest.mark.slow
def test_only_the_pair_that_plays_changes():
    population = lewis.make_population(lewis.lg_s, GAMES, 4, 3)
    before = lewis.everything(population)
    lewis.trained(population, OneDevice(False), 1)
    _, _, speaker, listener = population.turns(tf.constant(0, tf.int64)).numpy()[0]
    changed = [
        {i for i in range(len(old)) if not np.array_equal(old[i], new[i])}
        for old, new in zip(before, lewis.everything(population), strict=True)
    ]
    assert set().union(*(rows for rows, v in zip(changed, before, strict=True) if len(v) == 4)) == {speaker}
    assert set().union(*(rows for rows, v in zip(changed, before, strict=True) if len(v) == 3)) == {listener}


@pytest.mark.slow
def test_pairs_are_drawn_uniformly_and_afresh_at_every_step():
    population = lewis.make_population(lewis.lg_s, GAMES, 3, 4, pairs=5)
    drawn = np.stack([population.turns(tf.constant(step, tf.int64)).numpy() for step in range(1200)])
    counts = np.zeros((3, 4))
    np.add.at(counts, (drawn[..., 2].ravel(), drawn[..., 3].ravel()), 1)
    # 6,000 draws over 12 pairs: chi-squared with 11 degrees of freedom is above 31.3 once in a thousand times.
    assert ((counts - 500.0) ** 2 / 500.0).sum() < 31.3
    assert len(np.unique(drawn[:, :, 2:].reshape(1200, -1), axis=0)) > 1000
    # With replacement: some step draws a pair twice.
    assert any(len(np.unique(pairs[:, 2:], axis=0)) < 5 for pairs in drawn)
    # The pairs of a step draw different messages.
    assert len(np.unique(drawn[0, :, :2], axis=0)) == 5


@pytest.mark.slow
def test_one_trace_serves_a_hundred_steps_of_ten_by_ten_agents():
    population = lewis.make_population(lewis.lg_s, 4, 10, 10, pairs=10)
    trainer = Trainer(population, OneDevice(False))
    order = Order(40, 4, 0, "train")
    batches = Pipeline(Examples(lewis.inputs(40), {}), order).distributed(OneDevice(False).strategy, 0)
    for steps in (1, 49, 50):
        trainer.advance(batches, tf.constant(steps))
    assert trainer.traces == 1
    assert trainer.advance.experimental_get_tracing_count() == 1
    assert trainer._step.experimental_get_tracing_count() == 1
    turns = sum(population.speaker_members.rows.value(i, population.speaker_members.success.turns) for i in range(10))
    assert turns == 1_000


def test_running_success_is_a_mean_that_forgets():
    success = lewis.make_population(lewis.lg_s, GAMES, 1, 1).speaker_members.success
    values = np.random.default_rng(0).uniform(size=300).astype(np.float32)
    expected = 0.0
    for i, value in enumerate(values):
        success.update(tf.constant(value))
        # The plain mean of the first hundred turns, then 99 parts of the old and one of the new.
        expected = values[: i + 1].mean() if i < 100 else 0.99 * expected + 0.01 * value
        np.testing.assert_allclose(success.mean.numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ((0, 1, 1), "n_speakers is 0"),
        ((1, 0, 1), "n_listeners is 0"),
        ((2, 2, 0), "pairs_per_step is 0"),
        ((2, 3, 7), "pairs_per_step is 7, but 2 x 3 agents make 6 different pairs"),
    ],
)
def test_impossible_sizes_are_refused(sizes, words):
    with pytest.raises(UserError, match=words):
        lewis.make_population(lewis.lg_s, GAMES, *sizes)


def test_agents_start_differently():
    population = lewis.make_population(lewis.lg_s, GAMES, 3, 3)
    for members in (population.speaker_members, population.listener_members):
        kernel = members.weights[-2]
        values = [members.rows.value(i, kernel) for i in range(3)]
        assert all(not np.array_equal(values[i], values[j]) for i in range(3) for j in range(i))


def test_layers_are_lent_to_one_agent_after_the_other():
    population = lewis.make_population(lewis.lg_s, GAMES, 2, 2)
    inputs = tf.constant(lewis.inputs(6))
    first = population.speaker_as(0).greedy(inputs).policy_logits.numpy()
    second = population.speaker_as(1).greedy(inputs).policy_logits.numpy()
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(population.speaker_as(0).greedy(inputs).policy_logits.numpy(), first)


def with_speeds(speakers, listeners, steps=6, distribution=None, jit=False):
    """A population of 2 x 3 agents, with what a checkpoint of it held before and after some steps, and the metrics."""
    distribution = (distribution or OneDevice)(jit)
    with distribution.strategy.scope():
        population = lewis.make_population(
            lewis.nlg, GAMES, 2, 3, pairs=3, speaker_speeds=speakers, listener_speeds=listeners
        )
    before = lewis.everything(population)
    sums = lewis.trained(population, distribution, steps)
    return population, before, lewis.everything(population), sums


@pytest.mark.slow
def test_agents_of_speed_one_learn_as_without_speeds_bit_for_bit():
    _, _, plain, sums = with_speeds(None, None)
    for speeds in (((1.0, 1.0), (1.0, 1.0, 1.0)), ((1.0, 1.0), None)):
        _, _, found, same = with_speeds(*speeds)
        assert same == sums
        for ours, theirs in zip(found, plain, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def learnt(members, index):
    """From how many turns an agent learnt, as Adam counts them, and how many it played."""
    (counter,) = members.optimizer.counters
    (count,) = set(members.rows.value(index, counter).tolist())
    return count, int(members.rows.value(index, members.success.turns))


@pytest.mark.slow
@pytest.mark.parametrize(("distribution", "jit"), [(OneDevice, False), (OneDevice, True), (Mirrored, False)])
def test_an_agent_of_speed_zero_stays_as_it_is_but_for_its_running_success(distribution, jit):
    speeds = (0.0, 1.0), (1.0, 0.0, 1.0)
    population, before, after, _ = with_speeds(*speeds, distribution=distribution, jit=jit)
    names = [name for kind in (population.agents, population.optimizer_state) for name, v in kind.items() for _ in v]
    for name, old, new in zip(names, before, after, strict=True):
        if not name.endswith("success"):
            still = speeds[1].index(0.0) if name.startswith("listener") else speeds[0].index(0.0)
            np.testing.assert_array_equal(new[still], old[still], err_msg=name)
    for members, own in zip((population.speaker_members, population.listener_members), speeds, strict=True):
        for index, speed in enumerate(own):
            count, turns = learnt(members, index)
            assert turns > 0
            assert count == speed * turns


@pytest.mark.slow
def test_an_agent_learns_from_as_large_a_share_of_its_turns_as_its_speed():
    speeds = (0.5, 1.0), (0.1, 0.3, 0.9)
    population, _, _, _ = with_speeds(*speeds, steps=500)
    for members, own in zip((population.speaker_members, population.listener_members), speeds, strict=True):
        for index, speed in enumerate(own):
            count, turns = learnt(members, index)
            assert turns > 300
            # Four standard deviations.
            assert abs(count - speed * turns) <= 4 * (turns * speed * (1 - speed)) ** 0.5


@pytest.mark.parametrize(
    ("speeds", "words"),
    [
        ({"listener_speeds": (1.0, 0.5)}, "listener_speeds has 2 numbers, but there are 3 listeners"),
        ({"speaker_speeds": (1.0, 0.5, 0.1)}, "speaker_speeds has 3 numbers, but there are 2 speakers"),
        ({"speaker_speeds": (1.0, 1.5)}, "speaker_speeds"),
    ],
)
def test_impossible_speeds_are_refused(speeds, words):
    with pytest.raises(UserError, match=words):
        lewis.make_population(lewis.lg_s, GAMES, 2, 3, **speeds)
