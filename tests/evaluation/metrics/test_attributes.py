import numpy as np
import pytest

from tests.evaluation.metrics import languages
from tf_emcom.evaluation.metrics.attributes import ContextIndependence

MEANINGS = languages.all_meanings(3, 4)
MESSAGES = languages.compositional(MEANINGS)


def by_plain_loops(messages, attributes):
    scores = []
    for column in attributes.T.tolist():
        for concept in set(column):
            about = [set(m) for m, value in zip(messages.tolist(), column, strict=True) if value == concept]
            found = []
            for symbol in {s for message in messages.tolist() for s in message}:
                of_concept = sum(symbol in message for message in about)
                of_all = sum(symbol in message for message in messages.tolist())
                found.append((of_concept / of_all, of_concept / len(about)))
            concept_given_symbol, symbol_given_concept = max(found)
            scores.append(concept_given_symbol * symbol_given_concept)
    return np.mean(scores)


def test_a_language_with_a_symbol_for_each_concept_is_independent_of_context():
    assert ContextIndependence()(MESSAGES, MEANINGS) == pytest.approx(1, abs=1e-12)


def test_order_does_not_matter():
    assert ContextIndependence()(MESSAGES[:, ::-1], MEANINGS) == pytest.approx(1, abs=1e-12)


def test_a_language_with_a_symbol_for_each_meaning_depends_on_context():
    # p(k | v) = 1, and p(v | k) = ¼ for three concepts, ⅓ for four.
    messages = np.repeat(np.arange(12)[:, np.newaxis], 2, axis=1)
    assert ContextIndependence()(messages, MEANINGS) == pytest.approx((3 / 4 + 4 / 3) / 7, abs=1e-12)


def test_independence_is_the_one_worked_out_by_hand():
    # Concept 0: p(0 | 5) = 1 and p(5 | 0) = ½; 6 has p(0 | 6) = ⅓. Concept 1: p(1 | 6) = ⅔ and p(6 | 1) = 1.
    messages = np.array([[5, 5], [5, 6], [6, 6], [6, 6]])
    attributes = np.array([[0], [0], [1], [1]])
    assert ContextIndependence()(messages, attributes) == pytest.approx((1 * 1 + 2 / 3) / 2, abs=1e-12)


def test_a_symbol_that_was_heard_once_does_not_stand_for_a_concept():
    # Both 3 and 7 are only said of concept 0, 3 always and 7 once.
    messages = np.array([[3, 7], [3, 3], [3, 3], [4, 4]])
    assert ContextIndependence()(messages, np.array([[0], [0], [0], [1]])) == pytest.approx(1, abs=1e-12)


def test_independence_is_that_of_plain_loops():
    messages = languages.random_messages(80, 3, 6)
    attributes = np.random.default_rng(5).integers(-1, 3, (80, 2))
    expected = by_plain_loops(messages, attributes)
    assert ContextIndependence()(messages, attributes) == pytest.approx(expected, abs=1e-12)


def test_a_permuted_language_depends_on_context():
    messages = languages.permuted(np.repeat(MESSAGES, 30, axis=0))
    assert ContextIndependence()(messages, np.repeat(MEANINGS, 30, axis=0)) < 0.2


def test_attributes_that_do_not_vary_are_left_out():
    padded = np.hstack([np.full((12, 1), 5), MEANINGS])
    messages = languages.permuted(MESSAGES)
    assert ContextIndependence()(messages, padded) == ContextIndependence()(messages, MEANINGS)
    assert np.isnan(ContextIndependence()(messages, padded[:, :1]))


def test_independence_is_undefined_without_messages():
    assert np.isnan(ContextIndependence()(MESSAGES[:0], MEANINGS[:0]))
