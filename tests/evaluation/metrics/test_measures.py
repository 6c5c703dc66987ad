import itertools

import editdistance
import numpy as np
import pytest

from tests.evaluation.metrics import languages
from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.edit_distances import MeanEditDistance
from tf_emcom.evaluation.metrics.measures import MessageEntropy, Sample, UniqueMessages, UniqueMessageShare

# Four times the first, twice the second, once each of two more.
MESSAGES = np.array([[1, 2]] * 4 + [[2, 1]] * 2 + [[1, 1], [2, 2]], np.int32)


def test_entropy_is_the_one_worked_out_by_hand():
    assert MessageEntropy()(MESSAGES) == pytest.approx(1.75 * np.log(2), abs=1e-12)


@pytest.mark.parametrize("count", [1, 7, 500])
def test_entropy_lies_between_one_message_for_all_and_one_for_each(count):
    assert MessageEntropy()(np.ones((count, 3), np.int32)) == 0
    apart = np.arange(3 * count).reshape(count, 3)
    assert MessageEntropy()(apart) == pytest.approx(np.log(count), abs=1e-12)


def test_unique_messages_are_counted():
    assert UniqueMessages()(MESSAGES) == 4
    assert UniqueMessageShare()(MESSAGES) == 0.5


def test_mean_edit_distance_is_the_one_worked_out_by_hand():
    # 0 for 4·3/2 + 1 pairs; of the others, 8 lie 2 apart (12 and 21, by an insertion and a deletion), as does the pair
    # 11 and 22; 4 + 4 + 2 + 2 lie 1 apart. 28 pairs of length 2.
    assert MeanEditDistance()(MESSAGES) == pytest.approx((9 * 2 + 12) / 28 / 2, abs=1e-12)


def test_mean_edit_distance_is_that_of_a_plain_loop():
    messages = languages.random_messages(130, 5, 3)
    pairs = itertools.combinations(messages.tolist(), 2)
    expected = np.mean([editdistance.eval(left, right) for left, right in pairs]) / 5
    assert MeanEditDistance()(messages) == pytest.approx(expected, abs=1e-12)


def test_mean_edit_distance_measures_a_sample_of_many_messages():
    messages, sample = languages.random_messages(300), Sample(50, 3)
    np.testing.assert_array_equal(MeanEditDistance().sampled(messages, sample), messages[sample.rows(300)])
    np.testing.assert_array_equal(MeanEditDistance().sampled(messages, Sample(300)), messages)


@pytest.mark.parametrize("measure", [MessageEntropy, UniqueMessages, UniqueMessageShare], ids=lambda cls: cls.__name__)
def test_measures_that_are_quick_measure_every_message(measure):
    assert measure().sampled(MESSAGES, Sample(2)) is MESSAGES


def test_measures_of_nothing_are_undefined():
    nothing = MESSAGES[:0]
    assert UniqueMessages()(nothing) == 0
    for measure in (MessageEntropy(), UniqueMessageShare(), MeanEditDistance()):
        assert np.isnan(measure(nothing))
    assert np.isnan(MeanEditDistance()(MESSAGES[:1]))


@pytest.mark.parametrize(
    "measure", [MessageEntropy, UniqueMessages, UniqueMessageShare, MeanEditDistance], ids=lambda cls: cls.__name__
)
def test_what_is_no_message_is_refused(measure):
    with pytest.raises(UserError, match=r"\[N, T\]"):
        measure()(np.zeros(5, np.int32))
