"""The torsos of listeners, which turn symbols into what a core reads."""

import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.agents.nets.layers import SymbolEmbedding
from tf_emcom.agents.nets.recurrent import DiscreteLstm
from tf_emcom.errors import UserError

B, T, SYMBOLS, E, H = 4, 3, 6, 5, 7
IDS = np.random.default_rng(0).integers(0, SYMBOLS, (B, T)).astype(np.int32)
TORSOS = [SymbolEmbedding, DiscreteLstm]


def built(cls):
    torso = cls(SYMBOLS, E)
    torso.build()
    return torso


@pytest.mark.parametrize("cls", TORSOS)
def test_torso_tells_the_size_of_what_it_gives(cls):
    torso = built(cls)
    assert torso(tf.constant(IDS)).shape == (B, T, torso.size)


@pytest.mark.parametrize("cls", TORSOS)
def test_soft_symbols_that_are_sure_are_the_ids(cls):
    torso = built(cls)
    sure = np.eye(SYMBOLS, dtype=np.float32)[IDS]
    np.testing.assert_allclose(torso(tf.constant(sure)), torso(tf.constant(IDS)), atol=1e-6)


@pytest.mark.parametrize("cls", TORSOS)
def test_gradient_reaches_soft_symbols(cls):
    torso, soft = built(cls), tf.fill([B, T, SYMBOLS], 1 / SYMBOLS)
    with tf.GradientTape() as tape:
        tape.watch(soft)
        total = tf.reduce_sum(torso(soft))
    assert tape.gradient(total, soft).numpy().all()


@pytest.mark.parametrize("cls", TORSOS)
def test_message_of_one_symbol_is_embedded(cls):
    torso = built(cls)
    assert torso(tf.constant(IDS[:, :1])).shape == (B, 1, torso.size)


def test_discrete_lstm_gives_the_outputs_of_its_lstm_over_its_embedding():
    torso = DiscreteLstm(SYMBOLS, E, H)
    torso.build()
    vectors, given = torso.embedding.embeddings.numpy()[IDS], torso(tf.constant(IDS))
    assert given.shape == (B, T, H)
    state = torso.lstm.start(given)
    for t in range(T):
        output, state = torso.lstm.step(tf.constant(vectors[:, t]), state)
        np.testing.assert_allclose(given[:, t], output, atol=1e-6)


def test_discrete_lstm_without_units_is_refused():
    with pytest.raises(UserError, match="units"):
        DiscreteLstm(SYMBOLS, E, 0)
