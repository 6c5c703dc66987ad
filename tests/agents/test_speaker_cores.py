"""Every core that speaks, in a whole speaker."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.agents.nets.attention import AttentionCore
from tf_emcom.agents.nets.recurrent import GruCore, IdentityCore, LstmCore
from tf_emcom.agents.nets.transformer import TransformerCore
from tf_emcom.agents.speaker import Speaker
from tf_emcom.errors import UserError
from tf_emcom.seeds import step_stream

B, F, V, T, H = 6, 5, 4, 3, 8
INPUTS = tf.constant(np.random.default_rng(0).normal(size=(B, F)).astype(np.float32))
STEP = tf.constant(0)
STREAM = step_stream(0, STEP, tf.constant(0), B, B)
SPEAKING = [
    IdentityCore,
    *(functools.partial(cls, H) for cls in (LstmCore, GruCore)),
    functools.partial(TransformerCore, H, 2, longest=T),
]


def named(make):
    return getattr(make, "func", make).__name__


def spoken_by(core, length=T):
    speaker = Speaker(V, length, core_cls=core, embedding_size=3)
    speaker.build((None, F))
    generator = np.random.default_rng(1)
    for weight in speaker.weights:
        weight.assign(generator.normal(0, 1, weight.shape))
    return speaker


@pytest.fixture(scope="module", params=SPEAKING, ids=named)
def speaker(request):
    return spoken_by(request.param)


def test_sampled_and_greedy_symbols_are_scored_as_they_were_spoken(speaker):
    for speech in (speaker.sample(INPUTS, STEP, STREAM), speaker.greedy(INPUTS)):
        scored = speaker.score(INPUTS, speech.symbols)
        for name in ("log_probs", "policy_logits", "value", "q_values"):
            np.testing.assert_allclose(getattr(scored, name), getattr(speech, name), atol=1e-5, err_msg=name)


def test_compiled_speech_is_eager_speech(speaker):
    compiled = tf.function(lambda inputs: speaker.greedy(inputs).policy_logits, jit_compile=True, autograph=False)
    np.testing.assert_allclose(compiled(INPUTS), speaker.greedy(INPUTS).policy_logits, atol=1e-4)


def test_gradient_reaches_every_weight_that_is_looked_at(speaker):
    with tf.GradientTape() as tape:
        speech = speaker.sample(INPUTS, STEP, STREAM)
        parts = tf.concat([tf.reshape(x, [-1]) for x in (speech.log_probs, speech.value, speech.q_values)], axis=0)
        total = tf.reduce_sum(tf.sin(1.0 + tf.range(tf.size(parts), dtype=tf.float32)) * parts)
    unseen = {v.path for v in speaker.to_state.trainable_variables if type(speaker.core) is IdentityCore}
    gradients = tape.gradient(total, speaker.trainable_variables)
    still = {
        v.path
        for v, gradient in zip(speaker.trainable_variables, gradients, strict=True)
        if gradient is None or not np.any(gradient)
    }
    assert still == unseen


def test_message_depends_on_the_input_but_with_the_identity(speaker):
    logits = speaker.score(INPUTS, tf.zeros([B, T], tf.int32)).policy_logits.numpy()
    apart = np.abs(logits - logits[:1]).max(axis=(1, 2)) > 1e-4
    assert apart[1:].any() == (type(speaker.core) is not IdentityCore)


def test_message_of_one_symbol_is_spoken():
    assert spoken_by(SPEAKING[-1], length=1).greedy(INPUTS).symbols.shape == (B, 1)


def test_message_longer_than_the_positions_is_refused_also_while_tracing():
    with pytest.raises(UserError) as refused:
        spoken_by(SPEAKING[-1], length=T + 1)
    assert "\n" not in str(refused.value)
    assert f"knows {T} positions" in str(refused.value)


def test_core_that_only_reads_is_refused():
    with pytest.raises(UserError, match="AttentionCore is a speaker's core here"):
        Speaker(V, T, core_cls=AttentionCore)
