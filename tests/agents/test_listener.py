import functools
import re

import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.agents.heads.listener import Cpc, NormMergePolicyQValue
from tf_emcom.agents.heads.prediction import MultiMlp
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.attention import AttentionCore, LstmAttentionCore
from tf_emcom.agents.nets.layers import SymbolEmbedding
from tf_emcom.agents.nets.recurrent import DiscreteLstm, GruCore, IdentityCore, LstmCore
from tf_emcom.agents.nets.transformer import TransformerCore, TransformerReader
from tf_emcom.errors import UserError
from tf_emcom.types import Candidates, Message

B, F, V, T, H, C = 6, 4, 5, 3, 8, 6
GENERATOR = np.random.default_rng(0)
INPUTS = tf.constant(GENERATOR.normal(size=(B, F)).astype(np.float32))
SYMBOLS = GENERATOR.integers(0, V, (B, T)).astype(np.int32)
MESSAGE = Message(tf.constant(SYMBOLS))
IN_BATCH = Candidates(INPUTS, None, tf.range(B))


def make(head, core=LstmCore):
    listener = Listener(V, functools.partial(core, H), functools.partial(head, 7), embedding_size=3)
    listener.build((C, F))
    return listener


@pytest.fixture(scope="module", params=[Cpc, NormMergePolicyQValue])
def listener(request):
    return make(request.param)


def test_listener_scores_every_candidate(listener):
    hearing = listener.hear(MESSAGE, IN_BATCH)
    assert hearing.scores.shape == (B, C)
    np.testing.assert_array_equal(hearing.scores, listener.scores(MESSAGE, IN_BATCH))


def test_shown_candidates_are_scored_in_the_order_they_are_shown(listener):
    shown = np.array([[2, 0], [1, 5], [0, 1], [3, 4], [5, 4], [2, 5]])
    scores = listener.scores(MESSAGE, Candidates(INPUTS, tf.constant(shown), tf.zeros([B], tf.int32)))
    expected = np.take_along_axis(listener.scores(MESSAGE, IN_BATCH).numpy(), shown, 1)
    np.testing.assert_allclose(scores, expected, atol=1e-6)


@pytest.mark.parametrize("core", [LstmCore, GruCore])
def test_unk_has_an_embedding_of_its_own(core):
    listener = make(Cpc, core)
    assert listener.embedding.embeddings.shape == (V + 1, 3)
    everything = Message(tf.repeat(tf.range(V + 1)[:, tf.newaxis], T, axis=1))
    heard = listener.represent(everything).numpy()
    distances = np.abs(heard[:, None] - heard[None]).max(-1)
    assert (distances + np.eye(V + 1) > 1e-3).all()


def test_unk_learns_apart_from_the_last_symbol():
    listener = make(Cpc)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(listener.represent(Message(tf.fill([2, T], V))))
    rows = np.any(tape.gradient(total, listener.embedding.trainable_variables)[0], axis=1)
    assert rows.tolist() == [False] * V + [True]


@pytest.mark.parametrize("position", range(T))
def test_every_symbol_is_heard(listener, position):
    other = SYMBOLS.copy()
    other[:, position] = (other[:, position] + 1) % V
    change = np.abs(listener.represent(Message(tf.constant(other))) - listener.represent(MESSAGE)).max(axis=1)
    assert (change > 1e-4).all()


def test_order_of_symbols_is_heard(listener):
    one, other = (listener.represent(Message(tf.constant([order]))).numpy() for order in ([0, 1, 2], [2, 1, 0]))
    assert np.abs(one - other).max() > 1e-4


@pytest.mark.parametrize("count", [1, 3, 11])
def test_scores_work_for_any_number_of_candidates(listener, count):
    inputs = tf.constant(GENERATOR.normal(size=(count, F)).astype(np.float32))
    assert listener.scores(MESSAGE, Candidates(inputs, None, tf.zeros([B], tf.int32))).shape == (B, count)


def test_critics_need_the_number_of_candidates_they_were_built_for():
    listener = make(NormMergePolicyQValue)
    hearing = listener.hear(MESSAGE, IN_BATCH)
    assert hearing.value.shape == (B,)
    assert hearing.q_values.shape == (B, C)
    with pytest.raises(UserError, match="has 3 candidates, but the critics of NormMergePolicyQValue were built for"):
        listener.hear(MESSAGE, Candidates(INPUTS[:3], None, tf.zeros([B], tf.int32)))


def test_listener_without_critics_has_no_values():
    hearing = make(Cpc).hear(MESSAGE, IN_BATCH)
    assert (hearing.value, hearing.q_values) == (None, None)


def assert_gradient_reaches_every_weight(listener):
    with tf.GradientTape() as tape:
        hearing = listener.hear(MESSAGE, IN_BATCH)
        parts = [x for x in hearing if x is not None]
        total = tf.add_n(
            [tf.reduce_sum(tf.sin(1.0 + tf.range(tf.size(x), dtype=tf.float32)) * tf.reshape(x, [-1])) for x in parts]
        )
    for variable, gradient in zip(
        listener.trainable_variables, tape.gradient(total, listener.trainable_variables), strict=True
    ):
        assert gradient is not None, variable.path
        assert np.any(gradient), variable.path


def test_gradient_reaches_every_weight(listener):
    assert_gradient_reaches_every_weight(listener)


def test_default_sizes_are_those_of_the_published_code():
    listener = Listener()
    assert listener.embedding.symbols == 21
    assert listener.embedding.size == 10
    assert type(listener.head) is Cpc
    assert type(listener.core) is LstmCore


READING = [
    IdentityCore,
    *(functools.partial(cls, H) for cls in (LstmCore, GruCore, LstmAttentionCore)),
    *(functools.partial(cls, H, 2, longest=T) for cls in (AttentionCore, TransformerCore, TransformerReader)),
]


def named(make):
    return getattr(make, "func", make).__name__


@pytest.fixture(scope="module", params=[SymbolEmbedding, functools.partial(DiscreteLstm, units=5)], ids=named)
def torso(request):
    return request.param


def with_core(core, torso=SymbolEmbedding):
    listener = Listener(V, core, functools.partial(Cpc, 7), embedding_size=3, torso_cls=torso)
    listener.build((C, F))
    return listener


@pytest.mark.parametrize("core", READING, ids=named)
def test_every_torso_goes_with_every_core(core, torso):
    listener = with_core(core, torso)
    assert listener.represent(MESSAGE).shape == (B, listener.core.units)
    assert listener.hear(MESSAGE, IN_BATCH).scores.shape == (B, C)
    assert_gradient_reaches_every_weight(listener)


@pytest.mark.parametrize("core", READING, ids=named)
def test_soft_symbols_that_are_sure_are_heard_as_the_ids(core, torso):
    listener = with_core(core, torso)
    sure = tf.one_hot(MESSAGE.symbols, V + 1)
    # Other ids, since soft symbols are heard instead of them.
    soft = listener.represent(Message(tf.zeros_like(MESSAGE.symbols), sure))
    np.testing.assert_allclose(soft, listener.represent(MESSAGE), atol=1e-5)


def test_gradient_reaches_the_speaker_through_soft_symbols(torso):
    listener, soft = with_core(READING[1], torso), tf.fill([B, T, V + 1], 1 / (V + 1))
    with tf.GradientTape() as tape:
        tape.watch(soft)
        scores = listener.scores(Message(MESSAGE.symbols, soft), IN_BATCH)
    assert np.any(tape.gradient(scores, soft), axis=(1, 2)).all()


def test_weights_of_the_usual_listener_keep_their_order():
    paths = [v.path.partition("/")[2] for v in with_core(READING[1]).trainable_variables]
    first = [re.sub(r"_\d+$", "", path.split("/")[0]) for path in paths[:4]]
    assert first == ["embedding", "lstm_core", "lstm_core", "lstm_core"]
    assert paths[4].startswith("cpc")


def test_called_like_a_keras_model_it_scores_candidates(listener):
    np.testing.assert_array_equal(listener((SYMBOLS, INPUTS)), listener.scores(MESSAGE, IN_BATCH))


def test_first_call_builds_it_for_the_candidates_it_sees():
    fresh = Listener(V, functools.partial(LstmCore, H), functools.partial(NormMergePolicyQValue, 7))
    assert fresh((SYMBOLS, INPUTS)).shape == (B, C)
    assert fresh.hear(MESSAGE, IN_BATCH).q_values.shape == (B, C)
    lines = []
    fresh.summary(print_fn=lines.append)
    for layer in ("LstmCore", "SymbolEmbedding", "NormMergePolicyQValue", f"{fresh.count_params():,}"):
        assert layer in "\n".join(lines)


def test_called_with_messages_alone_it_predicts():
    listener = make(functools.partial(MultiMlp, 2))
    np.testing.assert_array_equal(listener(SYMBOLS), listener.predictions(MESSAGE))
