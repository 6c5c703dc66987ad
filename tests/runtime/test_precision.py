"""In how many bits agents compute."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import lewis
from tf_emcom.errors import UserError
from tf_emcom.runtime.compiler import computing_in
from tf_emcom.seeds import step_stream
from tf_emcom.training.trainee import Turn
from tf_emcom.types import Batch

B = 16


def played(precision, rules):
    with computing_in(precision):
        learner = lewis.make_learner(rules, B)
    batch = Batch(tf.constant(lewis.inputs(B)), {})
    stream = step_stream(0, tf.constant(0), tf.constant(0), B, B)
    agents = learner.speaker, learner.target_speaker, learner.listener
    return learner, learner.game.play(*agents, batch, batch.inputs, tf.constant(0), stream)


@pytest.mark.parametrize("rules", [lewis.lg_s, lewis.nlg])
def test_what_losses_see_is_in_full_precision_and_close_to_what_it_would_be(rules):
    learner, half = played("mixed_bfloat16", rules)
    _, full = played("float32", rules)
    assert learner.speaker.compute_dtype == learner.listener.core.compute_dtype == "bfloat16"
    for part in ("speech", "hearing", "choice", "outcome"):
        for name, value in getattr(half, part)._asdict().items():
            assert value is None or value.dtype in (tf.float32, tf.int32), name
    # The first symbol is drawn from nearly the same policy; later ones may follow another first one.
    np.testing.assert_allclose(half.speech.policy_logits[:, 0], full.speech.policy_logits[:, 0], atol=0.03)
    assert np.abs(half.speech.policy_logits[:, 0] - full.speech.policy_logits[:, 0]).max() > 1e-5


def test_weights_averages_and_optimisers_are_in_full_precision_after_training():
    with computing_in("mixed_bfloat16"):
        learner = lewis.make_learner(lewis.lg_s, B)
    batch = Batch(tf.constant(lewis.inputs(B)), {})
    step = tf.constant(0)
    turn = Turn(batch, batch.inputs, step, tf.constant(0), learner.turns(step)[0])
    gradients, metrics = learner.gradients(turn)
    before = [v.numpy().copy() for v in learner.speaker.trainable_variables]
    learner.apply(gradients, step, turn.row)
    assert {g.dtype for g in tf.nest.flatten(gradients)} == {tf.float32}
    assert {m.dtype for m in metrics.values()} == {tf.float32}
    kept = [v for group in (learner.agents, learner.optimizer_state) for variables in group.values() for v in variables]
    assert {v.dtype for v in kept} == {"float32", "int32"}
    # Adam's first step is 0.01 wherever a gradient is; bfloat16 would round it away or up beside a weight of 3.
    for variable, old, gradient in zip(learner.speaker.trainable_variables, before, gradients.speaker, strict=True):
        moved = np.abs(variable.numpy() - old)[np.abs(gradient.numpy()) > 1e-5]
        np.testing.assert_allclose(moved, 0.01, rtol=2e-3)


def test_the_precision_of_layers_built_elsewhere_does_not_change():
    with computing_in("mixed_bfloat16"):
        pass
    assert keras.config.dtype_policy().name == "float32"
    with pytest.raises(ZeroDivisionError), computing_in("mixed_bfloat16"):
        1 / 0  # noqa: B018
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("precision", ["float16", "bfloat16", "", None, 16])
def test_another_precision_is_refused_in_a_sentence(precision):
    with (
        pytest.raises(UserError, match="precision is .*, but agents compute in one of float32, mixed_bfloat16; set"),
        computing_in(precision),
    ):
        pass
