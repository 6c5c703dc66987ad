from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.agents.grammar import AnySymbol, EndSymbol
from tf_emcom.errors import UserError
from tf_emcom.games.channels import Clear, Erasure, FixedErasure, Substitution, transmit
from tf_emcom.schedules import Constant, CosineDecay, ExponentialDecay, Joined, LinearRamp
from tf_emcom.seeds import step_stream
from tf_emcom.types import Message

GAMES, LENGTH, V = 2000, 10, 20
SYMBOLS = np.random.default_rng(0).integers(0, V, (GAMES, LENGTH)).astype(np.int32)


def arrived(channel, step=0, symbols=SYMBOLS):
    games = len(symbols)
    stream = step_stream(0, tf.constant(step), tf.constant(0), games, games)
    return channel(Message(tf.constant(symbols)), V, tf.constant(step), stream).symbols.numpy()


def assert_rate(changed, probability):
    assert abs(changed.mean() - probability) <= 5 * (probability * (1 - probability) / changed.size) ** 0.5


@pytest.mark.parametrize("channel", [Clear(), Erasure(0.0), Substitution(0.0), FixedErasure([])])
def test_nothing_happens_without_noise(channel):
    np.testing.assert_array_equal(arrived(channel), SYMBOLS)


def test_everything_is_erased_at_probability_one():
    assert (arrived(Erasure(1.0)) == V).all()


def test_everything_is_redrawn_at_probability_one():
    received = arrived(Substitution(1.0))
    assert_rate(received != SYMBOLS, (V - 1) / V)
    assert received.max() < V


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.75])
def test_symbols_are_erased_at_the_bound_rate(probability):
    received = arrived(Erasure(probability))
    assert_rate(received == V, probability)
    np.testing.assert_array_equal(received[received != V], SYMBOLS[received != V])


@pytest.mark.parametrize("probability", [0.05, 0.5])
def test_symbols_are_substituted_at_the_bound_rate(probability):
    received = arrived(Substitution(probability))
    assert received.max() < V
    assert_rate(received != SYMBOLS, probability * (V - 1) / V)


def test_what_replaces_a_symbol_does_not_depend_on_whether_it_is_replaced():
    # Were one draw used for both, a small probability would only ever bring small ids.
    received = arrived(Substitution(0.1), symbols=np.full_like(SYMBOLS, V))
    drawn = received[received != V]
    for symbol in (0, V // 2, V - 1):
        assert_rate(drawn == symbol, 1 / V)


def test_erasure_follows_its_schedule():
    channel = Erasure(LinearRamp(0.0, 0.8, 100, fraction=0.5))
    for step, probability in ((0, 0.0), (25, 0.4), (50, 0.8), (99, 0.8)):
        assert float(channel.noise(tf.constant(step))) == pytest.approx(probability)
        assert_rate(arrived(channel, step) == V, probability)


def test_fixed_positions_are_erased_in_every_message():
    received = arrived(FixedErasure([9, 0]))
    assert (received[:, [0, 9]] == V).all()
    np.testing.assert_array_equal(received[:, 1:9], SYMBOLS[:, 1:9])


@pytest.mark.parametrize(
    "probability",
    [
        -0.1,
        1.1,
        float("nan"),
        LinearRamp(0.0, 1.5, 10),
        LinearRamp(-0.5, 1.0, 10),
        CosineDecay(2.0, 10),
        ExponentialDecay(1.5, 0.5, 10),
        ExponentialDecay(0.5, 2.0, 1),
        ExponentialDecay(0.5, 0.5, 1, floor=2.0),
        Constant(1.5),
        Joined([0.5, 1.5], [2]),
        Joined([LinearRamp(0.0, 3.0, 10), 0.5], [10]),
        "0.5",
    ],
)
@pytest.mark.parametrize("channel", [Erasure, Substitution])
def test_what_is_no_probability_is_refused(channel, probability):
    with pytest.raises(UserError, match=rf"{channel.__name__}\.probability"):
        channel(probability)


@pytest.mark.parametrize("positions", [[-1], [2, 2]])
def test_positions_that_are_negative_or_named_twice_are_refused(positions):
    with pytest.raises(UserError, match="positions"):
        FixedErasure(positions)


def test_positions_behind_the_message_are_refused():
    with pytest.raises(UserError, match="10 symbols"):
        arrived(FixedErasure([3, LENGTH]))


# The end symbol is 3, the last of 4: the first message ends after two symbols, the second has no end.
SENT = [[0, 1, 3, 3], [2, 0, 1, 2]]


def sent_through(channel, grammar, **more):
    speaker = SimpleNamespace(vocab_size=4, grammar=grammar.for_vocabulary(4))
    stream = step_stream(0, tf.constant(0), tf.constant(0), 2, 2)
    return transmit(channel, speaker, tf.constant(SENT), tf.constant(0), stream, **more)


def test_what_follows_the_end_of_a_message_arrives_whatever_the_channel_does():
    arrives = sent_through(FixedErasure([1, 3]), EndSymbol())
    assert arrives.symbols.numpy().tolist() == [[0, 4, 3, 3], [2, 4, 1, 4]] and arrives.relaxed is None


def test_positions_are_erased_besides_what_the_channel_does():
    erased = tf.constant([True, False, False, False])
    arrives = sent_through(FixedErasure([1]), AnySymbol(), erased=erased)
    assert arrives.symbols.numpy().tolist() == [[4, 4, 3, 3], [4, 4, 1, 2]]


def test_soft_symbols_are_read_where_their_hard_form_arrived():
    relaxed = tf.random.stateless_uniform([2, 4, 4], [0, 0])
    arrives = sent_through(FixedErasure([1, 3]), EndSymbol(), relaxed=relaxed).relaxed.numpy()
    lost = np.array([[False, True, False, False], [False, True, False, True]])
    np.testing.assert_array_equal(arrives[~lost], np.pad(relaxed.numpy(), [(0, 0), (0, 0), (0, 1)])[~lost])
    np.testing.assert_array_equal(arrives[lost], 3 * [[0, 0, 0, 0, 1]])
