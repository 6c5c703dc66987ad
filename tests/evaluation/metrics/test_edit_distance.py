import editdistance
import numpy as np
import pytest

from tests.evaluation.metrics.languages import random_messages
from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.edit_distances import EditDistance


def by_plain_loop(messages):
    rows = messages.tolist()
    return np.array([editdistance.eval(a, b) for i, a in enumerate(rows) for b in rows[i + 1 :]], np.int64)


def test_distances_are_those_of_the_original_code(golden):
    arrays = golden("language")
    np.testing.assert_allclose(EditDistance()(arrays["messages"]), arrays["edit_distance"], atol=1e-5, rtol=0)


def test_distances_are_the_ones_worked_out_by_hand():
    # From the first: one substitution; a shift, which is one deletion and one insertion; everything; nothing.
    messages = np.array([[1, 2, 3, 4], [1, 9, 3, 4], [2, 3, 4, 1], [5, 6, 7, 8], [1, 2, 3, 4]], np.int32)
    counts = [1, 2, 4, 0, 3, 4, 1, 4, 2, 4]
    np.testing.assert_array_equal(EditDistance()(messages), np.array(counts) / 4)


@pytest.mark.parametrize("vocab_size", [2, 20, 256, 257, 60_000, 2**31 - 1])
@pytest.mark.parametrize("length", [1, 3, 10, 40])
def test_distances_are_those_of_a_plain_loop(vocab_size, length):
    # More messages than a block has rows.
    messages = random_messages(150, length, vocab_size)
    expected = by_plain_loop(messages)
    np.testing.assert_array_equal(EditDistance()(messages), expected / length)


def test_messages_longer_than_a_machine_word_and_than_a_byte_can_count_are_compared():
    messages = random_messages(5, 300, 3000)
    assert by_plain_loop(messages).max() > 255
    np.testing.assert_array_equal(EditDistance()(messages), by_plain_loop(messages) / messages.shape[1])


@pytest.mark.parametrize("count", [63, 64, 65, 128, 129])
def test_pairs_come_in_condensed_order_whatever_the_blocks(count):
    messages = random_messages(count, 4, 5)
    np.testing.assert_array_equal(EditDistance()(messages), by_plain_loop(messages) / messages.shape[1])


def test_many_different_symbols_are_told_apart():
    messages = np.arange(60_000, dtype=np.int32).reshape(600, 100)
    messages[1, :50] = messages[0, :50]
    expected = np.full(600 * 599 // 2, 100)
    expected[0] = 50
    np.testing.assert_array_equal(EditDistance()(messages), expected / messages.shape[1])


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_messages_have_no_pairs(count):
    assert EditDistance()(np.zeros((count, 3), np.int32)).shape == (0,)


@pytest.mark.parametrize("shape", [(4,), (4, 0), (2, 2, 2)])
def test_what_is_no_message_is_refused(shape):
    with pytest.raises(UserError, match=r"\[N, T\]"):
        EditDistance()(np.zeros(shape, np.int32))


def test_symbols_that_are_no_whole_numbers_are_refused():
    with pytest.raises(UserError, match="float64"):
        EditDistance()(np.zeros((4, 2)))
