import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.agents.grammar import AnySymbol, EndSymbol
from tf_emcom.errors import UserError
from tf_emcom.ops import categorical

V = 4
# No end, an end in the middle, at once, at last; V is UNK.
SENT = np.array([[0, 1, 2], [0, 3, 3], [3, 3, 3], [1, 2, 3]], np.int32)
RECEIVED = np.array([[4, 1, 0], [2, 4, 1], [0, 4, 0], [1, 4, 0]], np.int32)
KEPT = [[4, 1, 0], [2, 4, 3], [0, 3, 3], [1, 4, 0]]
LOGITS = np.random.default_rng(0).normal(size=(3, V)).astype(np.float32)


def test_without_rules_every_message_is_as_long_as_it_can_be_and_nothing_is_silence():
    grammar = AnySymbol().for_vocabulary(V)
    assert grammar.lengths(tf.constant(SENT)).numpy().tolist() == [3, 3, 3, 3]
    np.testing.assert_array_equal(grammar.mask_after_end(tf.constant(SENT), tf.constant(RECEIVED)), RECEIVED)
    np.testing.assert_array_equal(grammar.allowed(tf.constant(LOGITS), tf.constant([0, 3, 4])), LOGITS)


def test_the_end_is_not_counted():
    lengths = EndSymbol().for_vocabulary(V).lengths(tf.constant(SENT))
    assert lengths.dtype == tf.int32
    assert lengths.numpy().tolist() == [3, 1, 0, 2]


def test_what_comes_after_the_first_end_is_not_counted_whatever_it_is():
    assert EndSymbol(0).for_vocabulary(V).lengths(tf.constant([[1, 0, 2], [0, 1, 0]])).numpy().tolist() == [1, 0]


def test_silence_arrives_whatever_the_channel_did_and_the_end_itself_can_be_lost():
    grammar = EndSymbol().for_vocabulary(V)
    assert grammar.mask_after_end(tf.constant(SENT), tf.constant(RECEIVED)).numpy().tolist() == KEPT


@pytest.mark.parametrize(("symbol", "end"), [(None, 3), (0, 0), (2, 2)])
def test_only_the_end_follows_the_end(symbol, end):
    grammar = EndSymbol(symbol).for_vocabulary(V)
    # One game goes on, one has ended, one begins.
    logits = grammar.allowed(tf.constant(LOGITS), tf.constant([(end + 1) % V, end, V]))
    np.testing.assert_array_equal(logits.numpy()[[0, 2]], LOGITS[[0, 2]])
    np.testing.assert_array_equal(tf.nn.softmax(logits)[1], np.eye(V)[end])
    assert float(categorical.log_prob(logits, tf.constant([0, end, 0]))[1]) == 0.0
    assert float(categorical.entropy(logits)[1]) == 0.0
    other = grammar.allowed(tf.constant(LOGITS[::-1].copy()), tf.constant([0, end, V]))
    assert float(categorical.kl(logits, other)[1]) == 0.0


def test_after_the_end_gradients_are_zero_and_never_undefined():
    logits = tf.constant(LOGITS)
    grammar = EndSymbol().for_vocabulary(V)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        masked = grammar.allowed(logits, tf.constant([0, 3, 4]))
        parts = categorical.log_prob(masked, tf.constant([1, 3, 2])), categorical.entropy(masked)
        total = tf.add_n([*parts, categorical.kl(masked, grammar.allowed(2 * logits, tf.constant([0, 3, 4])))])
    gradient = tape.gradient(total, logits).numpy()
    assert np.isfinite(gradient).all()
    assert gradient.any(axis=1).tolist() == [True, False, True]


@pytest.mark.parametrize("symbol", [-1, 1.5, True])
def test_what_is_no_id_is_refused(symbol):
    with pytest.raises(UserError, match="EndSymbol.symbol"):
        EndSymbol(symbol)


def test_end_symbol_outside_of_the_vocabulary_is_refused():
    with pytest.raises(UserError, match="EndSymbol.symbol is 4, .* 0 to 3"):
        EndSymbol(4).for_vocabulary(V)
