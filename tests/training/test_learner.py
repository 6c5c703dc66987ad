"""Gradients and updates, on one device and on two replicas."""

import gc
import random

import numpy as np
import pytest
import tensorflow as tf

from tests import lewis
from tf_emcom.data.pipeline import Order, Pipeline
from tf_emcom.data.source import Examples
from tf_emcom.runtime.strategies import Mirrored, OneDevice
from tf_emcom.training.trainee import Turn
from tf_emcom.training.trainer import Trainer
from tf_emcom.types import Batch

GAMES = 8
CASES = [(lewis.lg_s, None, True), (lewis.nlg, None, True), (lewis.nlg, 3, False), (lewis.noisy_inputs, None, True)]
IDS = [
    *("lg_s with gathered candidates, xla", "nlg, xla", "nlg with sampled distractors, graph"),
    "noise on inputs and groups of candidates, xla",
]


class KeepsGradients(Trainer):
    """A real trainer whose step also returns what it is about to apply."""

    def replica_step(self, step, batch, turn):
        apply, kept = self._apply, []
        self._apply = lambda gradients, step, turn: (kept.append(gradients), apply(gradients, step, turn))
        metrics = super().replica_step(step, batch, turn)
        self._apply = apply
        return {**metrics, "gradients": kept[0]}


def run(distribution, rules, distractors, steps):
    """Sums over `steps` steps of the metrics and of the gradients, and the final weights on every replica."""
    with distribution.strategy.scope():
        learner = lewis.make_learner(rules, GAMES, distractors)
    trainer = KeepsGradients(learner, distribution)
    order = Order(40, GAMES, seed=3, split="train")
    batches = Pipeline(Examples(lewis.inputs(40), {}), order).distributed(distribution.strategy, 0)
    sums, _ = trainer.advance(batches, tf.constant(steps))
    replicas = range(distribution.replicas)
    weights = [
        [distribution.strategy.experimental_local_results(v.value)[r].numpy() for v in learner.listener.variables]
        + [distribution.strategy.experimental_local_results(v.value)[r].numpy() for v in learner.speaker.variables]
        for r in replicas
    ]
    return tf.nest.map_structure(lambda t: t.numpy(), sums), weights


@pytest.mark.slow
@pytest.mark.parametrize(("rules", "distractors", "jit_compile"), CASES, ids=IDS)
def test_two_replicas_with_half_the_games_each_have_the_gradients_of_one_device(rules, distractors, jit_compile):
    one, _ = run(OneDevice(jit_compile), rules, distractors, steps=1)
    two, _ = run(Mirrored(jit_compile), rules, distractors, steps=1)
    one_gradients, two_gradients = one.pop("gradients"), two.pop("gradients")
    for a, b in zip(tf.nest.flatten(one_gradients), tf.nest.flatten(two_gradients), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=0)
    # Gradients of nothing would agree too.
    assert max(np.abs(g).max() for g in tf.nest.flatten(one_gradients)) > 1e-2
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_allclose(one[name], two[name], atol=1e-5, rtol=0, err_msg=name)


@pytest.mark.slow
def test_replicas_stay_equal_and_follow_one_device_over_many_steps():
    one, (alone,) = run(OneDevice(False), lewis.lg_s, None, steps=15)
    two, (first, second) = run(Mirrored(False), lewis.lg_s, None, steps=15)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(alone, first, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4, rtol=0)
    np.testing.assert_allclose(one["loss"], two["loss"], atol=1e-4)


@pytest.mark.slow
def test_forward_backward_and_update_of_the_mirrored_step_are_compiled_by_xla():
    distribution = Mirrored(True)
    with distribution.strategy.scope():
        learner = lewis.make_learner(lewis.lg_s, GAMES)
    trainer = Trainer(learner, distribution)
    order = Order(40, GAMES, seed=3, split="train")
    batches = Pipeline(Examples(lewis.inputs(40), {}), order).distributed(distribution.strategy, 0)
    functions = trainer.advance.get_concrete_function(batches, tf.constant(2)).graph.as_graph_def().library.function
    compiled = {f.signature.name for f in functions if f.attr["_XlaMustCompile"].b}
    assert any("gradients" in name for name in compiled), compiled
    assert any("apply" in name for name in compiled), compiled


@pytest.mark.slow
def test_one_trace_serves_a_whole_run():
    distribution = OneDevice(False)
    with distribution.strategy.scope():
        learner = lewis.make_learner(lewis.nlg, GAMES)
    trainer = Trainer(learner, distribution)
    order = Order(40, GAMES, seed=3, split="train")
    batches = Pipeline(Examples(lewis.inputs(40), {}), order).distributed(distribution.strategy, 0)
    for steps in (1, 2, 7, 100, 3, 250):
        trainer.advance(batches, tf.constant(steps))
    assert trainer.traces == 1


def test_the_target_speaker_is_the_moving_average_and_gets_no_gradient():
    learner = lewis.make_learner(lewis.lg_s, GAMES)
    before = [v.numpy().copy() for v in learner.speaker.trainable_variables]
    for a, b in zip(before, learner.target_speaker.trainable_variables, strict=True):
        np.testing.assert_array_equal(a, b.numpy())
    x = tf.constant(lewis.inputs(GAMES))
    step, row = tf.constant(0, tf.int64), tf.constant([0, 0])
    gradients, _ = learner.gradients(Turn(Batch(x, {}), x, step, tf.constant(0), row))
    learner.apply(gradients, step, row)
    for old, new, target in zip(
        before, learner.speaker.trainable_variables, learner.target_speaker.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(target.numpy(), 0.99 * old + 0.01 * new.numpy(), atol=1e-7)


@pytest.mark.slow
def test_a_hundred_new_agents_of_each_kind_leave_no_memory_behind(resident_megabytes):
    learner = lewis.make_learner(lewis.lg_s, GAMES)

    def draw(seeds):
        for seed in seeds:
            learner.new_speaker(seed), learner.new_listener(seed)
        gc.collect()
        return resident_megabytes()

    begin = draw(range(20))
    # 88 MB where TensorFlow keeps something for every weight that there ever was.
    assert draw(range(20, 120)) - begin < 30


def test_making_a_learner_leaves_all_generators_as_they_were():
    def draws(between):
        random.seed(1)
        np.random.seed(1)
        tf.random.set_seed(1)
        between()
        return random.random(), np.random.random(), tf.random.uniform([]).numpy()

    assert draws(lambda: lewis.make_learner(lewis.nlg, GAMES, seed=5)) == draws(lambda: None)
