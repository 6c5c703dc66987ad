import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.ops.noise import erase, erase_positions, substitute

GENERATOR = np.random.default_rng(0)
V, GAMES, LENGTH = 5, 2000, 10
COUNT = GAMES * LENGTH
SYMBOLS = tf.constant(GENERATOR.integers(0, V, (GAMES, LENGTH)), tf.int32)


def uniform():
    return tf.constant(GENERATOR.uniform(size=(GAMES, LENGTH)), tf.float32)


def assert_rate(changed, probability):
    sigma = (probability * (1 - probability) / changed.size) ** 0.5
    assert abs(changed.mean() - probability) <= 5 * sigma


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 1.0])
def test_symbols_are_erased_at_the_given_rate(probability):
    assert_rate(erase(SYMBOLS, tf.constant(probability), uniform(), V).numpy() == V, probability)


def test_erase_keeps_the_other_symbols():
    erased = erase(tf.constant([[1, 2, 3]]), tf.constant(0.5), tf.constant([[0.4, 0.6, 0.1]]), 9)
    assert erased.numpy().tolist() == [[9, 2, 9]]


def test_erasures_are_independent_of_each_other():
    gone = (erase(SYMBOLS, tf.constant(0.5), uniform(), V).numpy() == V).astype(float)
    correlations = np.corrcoef(gone.T)[~np.eye(LENGTH, dtype=bool)]
    assert np.abs(correlations).max() < 5 / GAMES**0.5


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 1.0])
def test_symbols_change_at_the_rate_less_draws_of_the_symbol_itself(probability):
    changed = substitute(SYMBOLS, tf.constant(probability), uniform(), uniform(), V) != SYMBOLS
    assert_rate(changed.numpy(), probability * (V - 1) / V)


def test_replacements_are_uniform_over_the_vocabulary():
    replaced = substitute(tf.zeros_like(SYMBOLS), tf.constant(1.0), uniform(), uniform(), V).numpy()
    for symbol in range(V):
        assert_rate(replaced == symbol, 1 / V)


@pytest.mark.parametrize("vocab_size", [2, 3, 20, 1000])
def test_extreme_replacements_stay_in_the_vocabulary(vocab_size):
    replacement = tf.constant([[2.0**-24, 1e-9, 1 - 1e-7, 1 - 2.0**-24]])
    drawn = substitute(tf.zeros([1, 4], tf.int32), tf.constant(1.0), tf.fill([1, 4], 0.5), replacement, vocab_size)
    assert drawn.numpy().tolist() == [[0, 0, vocab_size - 1, vocab_size - 1]]


@pytest.mark.parametrize(
    ("positions", "expected"),
    [([], [[1, 2, 3], [4, 0, 1]]), ([1], [[1, 9, 3], [4, 9, 1]]), ([2, 0], [[9, 2, 9], [9, 0, 9]])],
)
def test_given_positions_are_erased_in_every_message(positions, expected):
    assert erase_positions(tf.constant([[1, 2, 3], [4, 0, 1]]), positions, 9).numpy().tolist() == expected


def test_wrong_rank_is_refused():
    with pytest.raises(ValueError, match="symbols has shape"):
        erase(tf.constant([1, 2]), tf.constant(0.5), tf.constant([[0.5, 0.5]]), 3)
