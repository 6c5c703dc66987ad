import numpy as np
import pytest

from tests.evaluation.metrics import languages
from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.attributes import BagOfSymbolsDisentanglement, PositionalDisentanglement

MEANINGS = languages.all_meanings(4, 4, 4)
MESSAGES = languages.compositional(MEANINGS)
MEASURES = [PositionalDisentanglement, BagOfSymbolsDisentanglement]
both = pytest.mark.parametrize("measure", MEASURES, ids=lambda cls: cls.__name__)


def information(left, right):
    """I = Σ p(x, y) log p(x, y) / (p(x) p(y)), pair by pair."""
    total = 0.0
    for x in set(left):
        for y in set(right):
            joint = np.mean([a == x and b == y for a, b in zip(left, right, strict=True)])
            if joint:
                total += joint * np.log(joint / (np.mean([a == x for a in left]) * np.mean([b == y for b in right])))
    return total


def by_plain_loops(variables, attributes):
    gaps = []
    for variable in variables:
        entropy = information(variable, variable)
        if entropy > 1e-12:
            known = sorted((information(variable, attribute) for attribute in attributes), reverse=True)
            gaps.append((known[0] - known[1]) / entropy)
    return np.mean(gaps)


@both
def test_a_compositional_language_is_disentangled(measure):
    assert measure()(MESSAGES, MEANINGS) == pytest.approx(1, abs=1e-12)


@both
def test_a_permuted_language_is_not(measure):
    meanings = np.repeat(MEANINGS, 20, axis=0)
    messages = languages.permuted(np.repeat(MESSAGES, 20, axis=0))
    assert 0 <= measure()(messages, meanings) < 0.02


def test_symbols_that_change_places_are_disentangled_as_a_bag_but_not_by_position():
    # The same symbols in either order, at random: what the second measure was made for.
    swap = np.random.default_rng(0).random(len(MEANINGS) * 50) < 0.5
    meanings, messages = np.repeat(MEANINGS[:, :2], 50, axis=0), np.repeat(MESSAGES[:, :2], 50, axis=0)
    messages = np.where(swap[:, np.newaxis], messages[:, ::-1], messages)
    assert BagOfSymbolsDisentanglement()(messages, meanings) == pytest.approx(1, abs=1e-12)
    assert PositionalDisentanglement()(messages, meanings) < 0.02


def test_symbols_that_mean_another_thing_elsewhere_are_disentangled_by_position_but_not_as_a_bag():
    assert PositionalDisentanglement()(MEANINGS, MEANINGS) == pytest.approx(1, abs=1e-12)
    assert BagOfSymbolsDisentanglement()(MEANINGS, MEANINGS) < 0.02


def test_positional_disentanglement_is_the_one_worked_out_by_hand():
    # The first symbol is the first attribute: gap 1. The second one is 1 only where both attributes are 1: with p = ¼,
    # H = ln 4 − ¾ ln 3, and it says the same about both: gap 0. The third is always the same.
    meanings = languages.all_meanings(2, 2)
    messages = np.array([[0, 0, 7], [0, 0, 7], [1, 0, 7], [1, 1, 7]])
    assert PositionalDisentanglement()(messages, meanings) == pytest.approx(0.5, abs=1e-12)


def test_bag_of_symbols_disentanglement_is_the_one_worked_out_by_hand():
    # Of the symbol 5 there are 0, 0, 1, 1: as many as the first attribute says, H = ln 2, gap 1. Of 6 there are
    # 2, 2, 1, 0, with H = ln 4 − ½ ln 2 = 3/2 ln 2; they say ln 2 about the first attribute, and of the second
    # 3/2 ln 2 + ln 2 − ln 4 = ½ ln 2: gap ½ / (3/2). Of 7 there are 0, 0, 0, 1, as in the test above: gap 0.
    meanings = languages.all_meanings(2, 2)
    messages = np.array([[6, 6], [6, 6], [5, 6], [7, 5]])
    assert BagOfSymbolsDisentanglement()(messages, meanings) == pytest.approx((1 + 1 / 3 + 0) / 3, abs=1e-12)


def test_disentanglement_is_that_of_plain_loops():
    messages = languages.random_messages(60, 4, 3)
    attributes = np.random.default_rng(3).integers(-2, 2, (60, 3))
    messages[:, 0] = attributes[:, 1] + 2
    expected = by_plain_loops(messages.T.tolist(), attributes.T.tolist())
    assert PositionalDisentanglement()(messages, attributes) == pytest.approx(expected, abs=1e-12)
    counts = [(messages == symbol).sum(axis=1).tolist() for symbol in range(4)]
    expected = by_plain_loops(counts, attributes.T.tolist())
    assert BagOfSymbolsDisentanglement()(messages, attributes) == pytest.approx(expected, abs=1e-12)


@both
def test_disentanglement_is_undefined_where_nothing_varies(measure):
    assert np.isnan(measure()(np.ones((9, 3), np.int32), MEANINGS[:9]))


@both
def test_disentanglement_is_undefined_of_one_attribute(measure):
    assert np.isnan(measure()(MESSAGES, MEANINGS[:, :1]))


@both
def test_disentanglement_is_undefined_without_messages(measure):
    assert np.isnan(measure()(MESSAGES[:0], MEANINGS[:0]))


@both
@pytest.mark.parametrize("attributes", [MEANINGS[1:], MEANINGS[:, 0], MEANINGS + 0.5], ids=["fewer", "flat", "broken"])
def test_attributes_that_are_none_are_refused(measure, attributes):
    with pytest.raises(UserError, match=r"\[64, A\]"):
        measure()(MESSAGES, attributes)
