import numpy as np

from tf_emcom.benchmarks.pairwise_edit_distance import PairwiseEditDistance


def test_both_ways_come_to_the_same_distances():
    comparison = PairwiseEditDistance(messages=70, length=4, vocab_size=3)
    ours, plain = comparison.ours(), comparison.plain()
    assert ours.shape == (70 * 69 // 2,)
    np.testing.assert_array_equal(ours, plain)
    assert comparison.same(ours, plain)
    assert not comparison.same(ours, plain + 1)


def test_it_measures_two_thousand_messages_of_ten_symbols_out_of_twenty():
    messages = PairwiseEditDistance().messages
    assert messages.shape == (2000, 10)
    assert (messages.min(), messages.max()) == (0, 19)
