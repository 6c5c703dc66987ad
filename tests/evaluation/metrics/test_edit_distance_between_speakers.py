import editdistance
import numpy as np
import pytest

from tests.evaluation.metrics import languages
from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.edit_distances import EditDistanceBetweenSpeakers


def test_distance_is_the_one_worked_out_by_hand():
    left = np.array([[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [5, 5, 5, 5]])
    # The same; shifted by one, which is an insertion and a deletion; two others; all others: 0 + 2 + 2 + 4 of 4 · 4.
    right = np.array([[1, 2, 3, 4], [4, 1, 2, 3], [1, 0, 0, 4], [6, 6, 6, 6]])
    assert EditDistanceBetweenSpeakers()(left, right) == pytest.approx(8 / 16, abs=1e-12)


# Symbols that fit into a byte, and others.
@pytest.mark.parametrize("offset", [0, 1000, 70_000], ids=str)
def test_distance_is_that_of_a_plain_loop_whoever_comes_first(offset):
    symbols = languages.random_messages(240, 5, 3)
    left, right = (symbols + offset * (symbols % 2)).reshape(2, 120, 5)
    expected = np.mean([editdistance.eval(*pair) for pair in zip(left.tolist(), right.tolist(), strict=True)]) / 5
    assert EditDistanceBetweenSpeakers()(left, right) == pytest.approx(expected, abs=1e-12)
    assert EditDistanceBetweenSpeakers()(right, left) == pytest.approx(expected, abs=1e-12)
    assert EditDistanceBetweenSpeakers()(left, left) == 0


def test_other_symbols_for_the_same_are_another_language():
    messages = languages.random_messages(50, 4, 3)
    assert EditDistanceBetweenSpeakers()(messages, messages + 300) == 1


def test_distance_of_nothing_is_undefined():
    nothing = np.zeros((0, 3), np.int32)
    assert np.isnan(EditDistanceBetweenSpeakers()(nothing, nothing))


def test_messages_about_other_inputs_are_refused():
    with pytest.raises(UserError, match=r"shapes \[5, 3\] and \[4, 3\]"):
        EditDistanceBetweenSpeakers()(np.ones((5, 3), int), np.ones((4, 3), int))
