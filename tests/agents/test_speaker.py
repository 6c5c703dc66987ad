import functools

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from tf_emcom.agents.heads.speaker import Policy, PolicyQValueDueling, PolicyValue
from tf_emcom.agents.nets.layers import Mlp
from tf_emcom.agents.nets.recurrent import GruCore, LstmCore
from tf_emcom.agents.speaker import Speaker
from tf_emcom.errors import UserError
from tf_emcom.seeds import step_stream

B, F, V, T, H = 12, 6, 5, 4, 8
INPUTS = tf.constant(np.random.default_rng(0).normal(size=(B, F)).astype(np.float32))
STEP = tf.constant(0)
CLOSE = {"atol": 1e-6, "rtol": 0}


def make(core=LstmCore, **settings):
    """A speaker of strong opinions, so that greedy and sampled symbols are not just rounding."""
    speaker = Speaker(V, T, core_cls=functools.partial(core, H), embedding_size=3, **settings)
    speaker.build((None, F))
    generator = np.random.default_rng(1)
    for weight in speaker.weights:
        weight.assign(generator.normal(0, 1, weight.shape))
    return speaker


def stream(step=0, games=B):
    return step_stream(0, tf.constant(step), tf.constant(0), games, games)


def there(speech):
    """The fields of a record that are there."""
    return [(name, value) for name, value in speech._asdict().items() if value is not None]


@pytest.fixture(scope="module", params=[LstmCore, GruCore])
def speaker(request):
    return make(request.param)


@pytest.fixture(scope="module")
def sampled(speaker):
    return speaker.sample(INPUTS, STEP, stream())


def test_record_has_the_promised_shapes(sampled):
    shapes = {name: tuple(value.shape) for name, value in there(sampled)}
    logits, each = (B, T, V), (B, T)
    assert shapes == {
        "symbols": each, "log_probs": each, "entropy": each, "policy_logits": logits, "value": each, "q_values": logits,
        "lengths": (B,),
    }  # fmt: skip
    assert sampled.symbols.dtype == sampled.lengths.dtype == tf.int32


def test_greedy_says_the_same_twice(speaker):
    for (_, first), (_, second) in zip(there(speaker.greedy(INPUTS)), there(speaker.greedy(INPUTS)), strict=True):
        np.testing.assert_array_equal(first, second)


def test_greedy_takes_the_most_probable_symbols(speaker):
    speech = speaker.greedy(INPUTS)
    np.testing.assert_array_equal(speech.symbols, np.argmax(speech.policy_logits, -1))
    assert len(np.unique(speech.symbols)) > 1


def test_sampling_is_not_greedy(speaker, sampled):
    assert (sampled.symbols != speaker.greedy(INPUTS).symbols).numpy().any()


def test_sampling_depends_on_the_stream_alone(speaker, sampled):
    np.testing.assert_array_equal(speaker.sample(INPUTS, STEP, stream()).symbols, sampled.symbols)
    assert (speaker.sample(INPUTS, STEP, stream(step=1)).symbols != sampled.symbols).numpy().any()


def test_score_of_sampled_symbols_is_what_was_sampled(speaker, sampled):
    scored = speaker.score(INPUTS, sampled.symbols)
    for name, value in there(scored):
        np.testing.assert_allclose(value, getattr(sampled, name), **CLOSE, err_msg=name)


def test_score_of_greedy_symbols_is_what_was_greedy(speaker):
    greedy = speaker.greedy(INPUTS)
    for name, value in there(speaker.score(INPUTS, greedy.symbols)):
        np.testing.assert_allclose(value, getattr(greedy, name), **CLOSE, err_msg=name)


def test_log_probs_and_entropy_are_those_of_the_logits(sampled):
    logits, symbols = sampled.policy_logits.numpy(), sampled.symbols.numpy()
    expected = np.take_along_axis(scipy.special.log_softmax(logits, -1), symbols[..., None], -1)[..., 0]
    np.testing.assert_allclose(sampled.log_probs, expected, atol=1e-5)
    entropy = scipy.stats.entropy(scipy.special.softmax(logits, -1), axis=-1)
    np.testing.assert_allclose(sampled.entropy, entropy, atol=1e-5)


def test_symbols_are_sampled_from_the_policy(speaker):
    games = 5000
    speech = speaker.sample(tf.tile(INPUTS[:1], [games, 1]), STEP, stream(games=games))
    expected = scipy.special.softmax(speech.policy_logits[0, 0].numpy().astype(np.float64))
    counts = np.bincount(speech.symbols[:, 0], minlength=V)
    assert scipy.stats.chisquare(counts, games * expected).pvalue > 1e-4


def test_second_symbol_is_sampled_given_the_first(speaker):
    games = 5000
    speech = speaker.sample(tf.tile(INPUTS[:1], [games, 1]), STEP, stream(games=games))
    first = np.bincount(speech.symbols[:, 0]).argmax()
    after = speech.symbols.numpy()[:, 0] == first
    expected = scipy.special.softmax(speech.policy_logits.numpy()[after][0, 1].astype(np.float64))
    counts = np.bincount(speech.symbols.numpy()[after][:, 1], minlength=V)
    assert scipy.stats.chisquare(counts, after.sum() * expected).pvalue > 1e-4


def test_there_is_one_start_symbol(speaker, sampled):
    assert speaker.embedding.embeddings.shape == (V + 1, 3)
    first = [speaker.greedy(INPUTS), speaker.score(INPUTS, tf.zeros([B, T], tf.int32))]
    for speech in first:
        np.testing.assert_allclose(speech.policy_logits[:, 0], sampled.policy_logits[:, 0], **CLOSE)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(speaker.greedy(INPUTS).policy_logits[:, 0] ** 2)
    rows = np.any(tape.gradient(total, speaker.embedding.trainable_variables)[0], axis=1)
    assert rows.tolist() == [False] * V + [True]


def test_symbols_change_what_comes_after_them_only(speaker, sampled):
    other = sampled.symbols.numpy()
    other[:, 1] = (other[:, 1] + 1) % V
    logits = speaker.score(INPUTS, tf.constant(other)).policy_logits
    np.testing.assert_allclose(logits[:, :2], sampled.policy_logits[:, :2], **CLOSE)
    assert not np.isclose(logits[:, 2:], sampled.policy_logits[:, 2:], **CLOSE).all(axis=(1, 2)).any()


def test_messages_depend_on_the_inputs(speaker):
    assert len(np.unique(speaker.greedy(INPUTS).symbols, axis=0)) > 1


def test_games_do_not_see_each_other(speaker):
    np.testing.assert_allclose(
        speaker.greedy(INPUTS[3:5]).policy_logits, speaker.greedy(INPUTS).policy_logits[3:5], atol=1e-5
    )


@pytest.mark.parametrize(
    ("head", "value", "q_values"),
    [(Policy, False, False), (PolicyValue, True, False), (PolicyQValueDueling, True, True)],
)
def test_critics_are_those_of_the_head(head, value, q_values):
    speech = make(head_cls=head).greedy(INPUTS)
    assert (speech.value is not None, speech.q_values is not None) == (value, q_values)


def test_torso_comes_before_the_first_state():
    speaker = make(torso_cls=functools.partial(Mlp, (7,)))
    assert speaker.to_state.kernel.shape == (7, 2 * H)
    assert speaker.greedy(INPUTS).symbols.shape == (B, T)


def test_first_state_is_linear_in_the_input():
    speaker = make(GruCore)
    state = INPUTS.numpy() @ speaker.to_state.kernel.numpy() + speaker.to_state.bias.numpy()
    first = speaker.core.split_state(tf.constant(state))
    output, _ = speaker.core.step(speaker.embedding(tf.fill([B], V)), first)
    expected = speaker.head.policy_logits(output)
    np.testing.assert_allclose(speaker.greedy(INPUTS).policy_logits[:, 0], expected, atol=1e-5)


def test_default_sizes_are_those_of_the_published_code():
    speaker = Speaker()
    assert (speaker.vocab_size, speaker.message_length, speaker.core.units, speaker.embedding.size) == (20, 10, 256, 10)
    assert type(speaker.head) is PolicyQValueDueling


@pytest.mark.parametrize("settings", [{"vocab_size": 1}, {"vocab_size": 0}, {"message_length": 0}])
def test_languages_too_small_to_speak_are_refused(settings):
    with pytest.raises(UserError, match=next(iter(settings))):
        Speaker(**settings)


def test_called_like_a_keras_model_it_says_the_greedy_symbols(speaker):
    np.testing.assert_array_equal(speaker(INPUTS), speaker.greedy(INPUTS).symbols)
    np.testing.assert_array_equal(speaker.predict(INPUTS.numpy(), verbose=0), speaker.greedy(INPUTS).symbols)


def test_call_builds_it_and_its_summary_tells_the_layers():
    fresh = Speaker(V, T, core_cls=functools.partial(LstmCore, H))
    assert fresh(INPUTS).shape == (B, T)
    lines = []
    fresh.summary(print_fn=lines.append)
    for layer in ("LstmCore", "SymbolEmbedding", "PolicyQValueDueling", f"{fresh.count_params():,}"):
        assert layer in "\n".join(lines)
