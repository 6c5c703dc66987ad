"""What holds for every channel."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.contracts.discovery import plug_ins
from tests.contracts.environments import two_replicas
from tests.contracts.examples import EXAMPLES
from tf_emcom.games.channels import Channel
from tf_emcom.seeds import step_stream
from tf_emcom.types import Message

CHANNELS = [key for key, cls in plug_ins().items() if issubclass(cls, Channel) and key in EXAMPLES]
GAMES, LENGTH, VOCABULARY = 8, 16, 5
SYMBOLS = np.random.default_rng(0).integers(0, VOCABULARY, (GAMES, LENGTH)).astype(np.int32)


def send(channel, symbols, step, first_game, local_games):
    stream = step_stream(7, step, first_game, local_games, GAMES).stage("channel")
    return channel(Message(symbols), VOCABULARY, step, stream).symbols


@functools.cache
def arrived(key, step):
    """What arrives of all messages on one device."""
    function = tf.function(functools.partial(send, EXAMPLES[key].make()), jit_compile=True)
    return function(tf.constant(SYMBOLS), tf.constant(step), tf.constant(0), GAMES).numpy()


@pytest.mark.parametrize("key", CHANNELS)
def test_ids_stay_in_the_vocabulary_or_are_unk(key):
    assert arrived(key, 3).min() >= 0
    assert arrived(key, 3).max() <= VOCABULARY


@pytest.mark.parametrize("key", CHANNELS)
def test_noise_is_a_probability(key):
    for step in (0, 3, 1000):
        assert 0.0 <= EXAMPLES[key].make().noise(tf.constant(step)) <= 1.0


@pytest.mark.parametrize("key", CHANNELS)
def test_every_step_is_drawn_afresh_where_there_is_noise(key):
    noisy = bool(EXAMPLES[key].make().noise(tf.constant(3)) > 0)
    assert np.array_equal(arrived(key, 3), arrived(key, 3))
    assert np.array_equal(arrived(key, 3) != SYMBOLS, arrived(key, 4) != SYMBOLS) != noisy


@pytest.mark.parametrize("key", CHANNELS)
def test_games_differ_where_there_is_noise(key):
    changed = arrived(key, 3) != SYMBOLS
    noisy = bool(EXAMPLES[key].make().noise(tf.constant(3)) > 0)
    assert (len(np.unique(changed, axis=0)) > 1) == noisy


@pytest.mark.parametrize("key", CHANNELS)
def test_two_replicas_draw_what_one_device_draws(key):
    strategy, half = two_replicas(), GAMES // 2
    channel = EXAMPLES[key].make()

    def replica(symbols, step):
        place = tf.distribute.get_replica_context().replica_id_in_sync_group
        return send(channel, symbols[place], step, place * half, half)

    halves = tf.constant(SYMBOLS.reshape(2, half, LENGTH))
    results = tf.function(lambda: strategy.run(replica, (halves, tf.constant(3))))()
    together = np.concatenate([r.numpy() for r in strategy.experimental_local_results(results)])
    np.testing.assert_array_equal(together, arrived(key, 3))


@pytest.mark.parametrize("key", CHANNELS)
def test_a_channel_can_be_tested_with_any_noise(key):
    channel = EXAMPLES[key].make()
    own = float(channel.noise(tf.constant(3)))

    @functools.partial(tf.function, jit_compile=True)
    def sent(noise):
        other = channel.with_noise(noise)
        return send(other, tf.constant(SYMBOLS), tf.constant(3), tf.constant(0), GAMES), other.noise(tf.constant(3))

    shares = []
    for noise in (0.0, 0.5, 1.0):
        received, said = sent(tf.constant(noise))
        assert said == noise
        shares.append((received.numpy() != SYMBOLS).mean())
    assert shares[0] == 0.0 and sorted(set(shares)) == shares
    # The channel itself is as it was.
    assert float(channel.noise(tf.constant(3))) == own
