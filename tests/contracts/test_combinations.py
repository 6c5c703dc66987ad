"""Any components that go together play and learn, and do the same in eager mode, under XLA and on two replicas.

A row is a step of the real trainer, against the same step without any of it, in eager mode. Rows that show every level
with every kind of trainee, each of which is compiled in its own way, are compiled by XLA; the others run on two
replicas, and so do those of independent pairs, which replicas share in a way of their own. What XLA and replicas make
of every plug-in alone is the matter of test_plug_ins.py.
"""

import itertools
import operator
import unittest.mock

import numpy as np
import pytest
import tensorflow as tf

from tests.contracts.combinations import (
    CLASSES,
    CONSTRAINTS,
    FACTORS,
    B,
    F,
    breaking,
    broken,
    make,
    pairs_of,
    rows,
    rows_with_every_level_of,
)
from tests.contracts.discovery import plug_ins
from tf_emcom.errors import UserError
from tf_emcom.games.transfer_tasks import TransferTask
from tf_emcom.runtime.strategies import Mirrored, OneDevice
from tf_emcom.training.trainee import Turn
from tf_emcom.training.trainer import Trainer
from tf_emcom.types import Batch

STEP = 3
# What other plug-ins are made of.
PARTS = {
    *("Linear", "PositionEmbedding", "SelfAttention", "Transformer", "TransformerBlock"),
    "Dueling",
}
PLUG_INS = sorted(key for key in plug_ins() if not issubclass(plug_ins()[key], TransferTask) and key not in PARTS)


LEVELS = [(factor, level) for factor, levels in FACTORS.items() for level in levels]


def class_of(factor, level):
    """The class that a level stands for."""
    stands_for = FACTORS[factor][level]
    if factor == "optimizer":
        return type(stands_for((), learning_rate=0.1))
    stands_for = getattr(stands_for, "func", stands_for)
    return stands_for if isinstance(stands_for, type) else type(stands_for)


@pytest.mark.parametrize("key", PLUG_INS)
def test_plug_in_is_combined_with_others(key):
    classes = {class_of(*names) for names in LEVELS}
    assert plug_ins()[key] in classes, f"{key} is in no level of FACTORS in tests/contracts/combinations.py: add one."


def test_parts_are_plug_ins():
    assert PARTS - set(plug_ins()) == set()


@pytest.mark.parametrize(("factor", "level"), LEVELS)
def test_level_is_named_after_its_class(factor, level):
    assert level.partition("(")[0] == class_of(factor, level).__name__


def tied():
    """The factors in groups that no constraint connects with each other."""
    groups = [{factor} for factor in FACTORS]
    for constraint in CONSTRAINTS:
        joined = [group for group in groups if group & constraint.levels.keys()]
        groups = [*(group for group in groups if group not in joined), set().union(*joined)]
    return groups


def allowed_pairs():
    """Every pair of levels in some combination that keeps all constraints, found by trying all of them."""
    allowed, levels = set(), []
    for factors in map(sorted, tied()):
        combinations = (dict(zip(factors, each, strict=True)) for each in itertools.product(*map(FACTORS.get, factors)))
        kept = [row for row in combinations if not broken(row)]
        allowed |= set().union(*map(pairs_of, kept))
        levels.append({level for row in kept for level in row.items()})
    across = (itertools.product(one, other) for one, other in itertools.combinations(levels, 2))
    return allowed | set(map(frozenset, itertools.chain.from_iterable(across)))


@pytest.mark.slow
def test_rows_cover_every_pair_that_is_allowed_and_no_other():
    assert set().union(*map(pairs_of, rows())) == allowed_pairs()


def test_rows_keep_the_constraints():
    assert [row for row in rows() if broken(row)] == []


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=lambda constraint: constraint.reason)
def test_what_does_not_go_together_is_refused_in_a_sentence(constraint):
    for row in breaking(constraint):
        with pytest.raises(UserError):
            eagerly(row)


def batch_for(trainee):
    """The games of a step, [B, ...], or [B, R, ...] where R pairs play games of their own."""
    generator = np.random.default_rng(0)
    shape = (B, trainee.speakers) if trainee.independent else (B,)
    inputs = generator.normal(size=(*shape, F)).astype(np.float32)
    labels = generator.integers(0, CLASSES, shape).astype(np.int32)
    return Batch(inputs, {name: labels for name in trainee.labels})


def means(metrics):
    return {name: np.mean([turn[name] for turn in metrics], axis=0) for name in metrics[0]}


def kept(trainee):
    """Name ↦ everything that a checkpoint holds under it."""
    variables = {**trainee.agents, **trainee.optimizer_state}
    return {name: [tf.convert_to_tensor(v.value).numpy() for v in values] for name, values in variables.items()}


def one_by_one(function, values, **_):
    """What `tf.vectorized_map` gives, by a loop."""
    count = tf.nest.flatten(values)[0].shape[0]
    found = [function(tf.nest.map_structure(operator.itemgetter(i), values)) for i in range(count)]
    return tf.nest.map_structure(lambda *each: tf.stack(each), *found)


def eagerly(row):
    """The trainee after a step, the metrics of the step, and what each of its turns learnt.

    Independent pairs learn one after the other here.
    """
    with unittest.mock.patch.object(tf, "vectorized_map", one_by_one):
        return step_of(row)


def step_of(row):
    trainee, step = make(row), tf.constant(STEP, tf.int64)
    batch = tf.nest.map_structure(tf.constant, batch_for(trainee))
    metrics, lessons = [], []
    for row_of_turn in trainee.turns(step):
        lesson, measured = trainee.gradients(Turn(batch, batch.inputs, step, tf.constant(0), row_of_turn))
        trainee.apply(lesson, step, row_of_turn)
        metrics.append(measured)
        lessons.append(getattr(lesson, "gradients", lesson))
    return trainee, means(metrics), lessons


def compiled(row, distribution):
    """The metrics of a step of the trainer, and what is left of it."""
    with distribution.strategy.scope():
        trainee = make(row)
    batch, games = batch_for(trainee), B // distribution.replicas

    def share(context):
        first = context.replica_id_in_sync_group * games
        return tf.nest.map_structure(lambda values: tf.constant(values[first : first + games]), batch)

    local = distribution.strategy.experimental_distribute_values_from_function(share)
    step, trainer = tf.constant(STEP, tf.int64), Trainer(trainee, distribution)
    turns = trainee.turns(step)
    # One call a turn, so that what a turn is gets traced once.
    metrics = [trainer.teach(step, local, turns[i : i + 1]) for i in range(turns.shape[0])]
    return means(metrics), kept(trainee)


def distribution_for(number):
    """How a row is run. XLA compiles a step once for each replica, so most of its rows have one device."""
    if number not in rows_with_every_level_of("trainee"):
        return Mirrored(False)
    return Mirrored(True) if rows()[number]["trainee"] == "IndependentPairs" else OneDevice(True)


def assert_same(given, wanted):
    """Holds metrics and what is left of a step against those of eager mode."""
    (metrics, state), (wanted_metrics, wanted_state) = given, wanted
    assert set(metrics) == set(wanted_metrics)
    for name, value in wanted_metrics.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
    for name, values in wanted_state.items():
        for i, (there, here) in enumerate(zip(state[name], values, strict=True)):
            # What an optimiser remembers after one step are the gradients and their squares, which may all be small.
            limit = 1e-4 * np.abs(here).max() + 1e-7 if name.endswith("optimizer") else 2e-5
            np.testing.assert_allclose(there, here, rtol=0, atol=limit, err_msg=f"{name} {i}")


def untaught(row, speaker, listener):
    """The layers that a step does not teach."""
    if row["speaker_core"] == "IdentityCore":
        yield from (speaker.torso, speaker.to_state)  # It does not look at the first state.
    if row["speaker_loss"] in ("SpeakerThroughListener", "SpeakerReinforceWithoutBaseline"):
        yield from (getattr(speaker.head, critic) for critic in ("value", "dueling") if hasattr(speaker.head, critic))
    if row["speaker_loss"] == "SpeakerReinforce" and hasattr(speaker.head, "dueling"):
        yield speaker.head.dueling if hasattr(speaker.head, "value") else speaker.head.dueling.advantage
    has_critic = hasattr(listener.head, "value")
    if has_critic and row["listener_loss"] not in ("ListenerReinforce", "ListenerAdvantageReinforce"):
        yield listener.head.value
    if row["listener_loss"] != "ListenerAdvantageReinforce" and hasattr(listener.head, "advantage"):
        yield listener.head.advantage


def at_rest(pair, lessons):
    """The paths of the weights of which no gradient is other than 0."""
    weights = [pair.speaker.trainable_variables, pair.listener.trainable_variables]
    learnt = [[any(map(np.any, turns)) for turns in zip(*agent, strict=True)] for agent in zip(*lessons, strict=True)]
    return {v.path for agent in zip(weights, learnt, strict=True) for v, moved in zip(*agent, strict=True) if not moved}


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(rows())))
def test_what_goes_together_plays_and_learns_and_does_the_same_everywhere(number):
    row = rows()[number]
    trainee, metrics, lessons = eagerly(row)
    wanted = metrics, kept(trainee)
    assert [name for name, value in metrics.items() if not np.isfinite(value).all()] == []
    assert [name for name, values in wanted[1].items() if not all(map(np.all, map(np.isfinite, values)))] == []
    layers = untaught(row, trainee.pair.speaker, trainee.pair.listener)
    assert at_rest(trainee.pair, lessons) == {v.path for layer in layers for v in layer.trainable_variables}
    assert_same(compiled(row, distribution_for(number)), wanted)
