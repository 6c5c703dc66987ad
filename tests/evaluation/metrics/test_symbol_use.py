import numpy as np
import pytest

from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.measures import SymbolUse

MESSAGES = np.array([[0, 3, 1], [0, 2, 1], [0, 3, 2], [0, 2, 3]], np.int32)


def test_counts_shares_and_entropies_are_the_ones_worked_out_by_hand():
    use = SymbolUse.of(MESSAGES, 5)
    np.testing.assert_array_equal(use.counts, [[4, 0, 0, 0, 0], [0, 0, 2, 2, 0], [0, 2, 1, 1, 0]])
    np.testing.assert_array_equal(use.shares, [[1, 0, 0, 0, 0], [0, 0, 0.5, 0.5, 0], [0, 0.5, 0.25, 0.25, 0]])
    np.testing.assert_allclose(use.entropy, np.log(2) * np.array([0, 1, 1.5]), atol=1e-12)


def test_counts_are_those_of_a_plain_loop():
    messages = np.random.default_rng(0).integers(0, 7, (90, 4))
    expected = np.zeros((4, 7), int)
    for message in messages:
        for position, symbol in enumerate(message):
            expected[position, symbol] += 1
    np.testing.assert_array_equal(SymbolUse.of(messages, 7).counts, expected)


def test_shares_of_nothing_are_undefined():
    use = SymbolUse.of(MESSAGES[:0], 5)
    assert use.counts.shape == (3, 5) and not use.counts.any()
    assert np.isnan(use.shares).all() and np.isnan(use.entropy).all()


@pytest.mark.parametrize("stray", [-1, 5])
def test_symbols_outside_the_vocabulary_are_refused(stray):
    with pytest.raises(UserError, match="vocabulary has 5"):
        SymbolUse.of(np.array([[0, stray]]), 5)
