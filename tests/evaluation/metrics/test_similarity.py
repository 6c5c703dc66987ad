import warnings

import editdistance
import numpy as np
import pytest
import scipy.stats

from tests.evaluation.metrics import languages
from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.distances import CosineDistance, EuclideanDistance, HammingDistance
from tf_emcom.evaluation.metrics.edit_distances import EditDistance
from tf_emcom.evaluation.metrics.similarity import TopographicSimilarity

MEANINGS = languages.all_meanings(5, 4, 3)
MESSAGES = languages.compositional(MEANINGS)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def one_hot_attributes(arrays):
    vectors = [arrays[name] for name in sorted(arrays) if name.startswith("attributes/")]
    assert vectors and all((one.sum(axis=1) == 1).all() for one in vectors)
    return vectors


def test_similarity_to_inputs_is_that_of_the_original_code(golden):
    arrays = golden("language")
    similarity = TopographicSimilarity()(arrays["messages"], arrays["meanings"])
    assert similarity == pytest.approx(float(arrays["topsim_inputs"]), abs=1e-5)


def test_similarity_to_attributes_is_that_of_the_original_code(golden):
    arrays = golden("language")
    attributes = np.stack([vectors.argmax(axis=1) for vectors in one_hot_attributes(arrays)], axis=1)
    similarity = TopographicSimilarity(HammingDistance())(arrays["messages"], attributes)
    assert similarity == pytest.approx(float(arrays["topsim_attributes"]), abs=1e-5)


def test_hamming_distance_is_half_the_cosine_loss_averaged_over_one_hot_attributes(golden):
    one_hot = one_hot_attributes(golden("language"))
    attributes = np.stack([vectors.argmax(axis=1) for vectors in one_hot], axis=1)
    losses = np.mean([CosineDistance()(vectors) for vectors in one_hot], axis=0)
    np.testing.assert_allclose(HammingDistance()(attributes), losses / 2, atol=1e-12)


def test_similarity_with_ties_is_the_one_worked_out_by_hand():
    # Edits 1, 2, 2, 2, 2, 1 have the ranks 1.5, 4.5, 4.5, 4.5, 4.5, 1.5; of the mean 3.5 they are −2, 1, 1, 1, 1, −2.
    messages = np.array([[0, 1], [0, 2], [3, 4], [3, 5]])
    # Distances 1, 3, 3, 2, 2, 0 have the ranks 2, 5.5, 5.5, 3.5, 3.5, 1; less the mean: −1.5, 2, 2, 0, 0, −2.5.
    meanings = np.array([[0.0], [1], [3], [3]])
    expected = (3 + 2 + 2 + 5) / np.sqrt(12 * (2.25 + 4 + 4 + 6.25))
    similarity = TopographicSimilarity(EuclideanDistance())(messages, meanings)
    assert similarity == pytest.approx(expected, abs=1e-12)


def test_similarity_is_that_of_plain_loops():
    messages = languages.random_messages(70, 6, 4)
    inputs = np.random.default_rng(1).normal(size=(70, 8))
    edits, losses = [], []
    for i in range(70):
        for j in range(i + 1, 70):
            edits.append(editdistance.eval(messages[i].tolist(), messages[j].tolist()) / 6)
            cosine = inputs[i] @ inputs[j] / np.linalg.norm(inputs[i]) / np.linalg.norm(inputs[j])
            losses.append(2 - 2 * cosine)
    expected = scipy.stats.spearmanr(edits, losses).statistic
    assert TopographicSimilarity()(messages, inputs) == pytest.approx(expected, abs=1e-12)


def test_a_compositional_language_is_as_similar_as_can_be():
    assert TopographicSimilarity(HammingDistance())(MESSAGES, MEANINGS) == pytest.approx(1, abs=1e-12)


def test_messages_that_are_their_own_meanings_are_as_similar_as_can_be():
    messages = languages.random_messages(50)
    assert TopographicSimilarity(EditDistance())(messages, messages) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_permuted_language_has_no_similarity(seed):
    messages = languages.permuted(MESSAGES, seed)
    assert abs(TopographicSimilarity(HammingDistance())(messages, MEANINGS)) < 0.1


def test_similarity_does_not_care_for_the_order_of_messages():
    order = np.random.default_rng(0).permutation(len(MESSAGES))
    measure = TopographicSimilarity()
    expected = measure(MESSAGES, MEANINGS + 1.0)
    assert measure(MESSAGES[order], MEANINGS[order] + 1.0) == pytest.approx(expected, abs=1e-12)


def test_similarity_of_one_message_for_everything_is_undefined():
    same = np.ones((20, 4), np.int32)
    assert np.isnan(TopographicSimilarity()(same, np.random.default_rng(0).normal(size=(20, 3))))


def test_similarity_to_one_meaning_is_undefined():
    assert np.isnan(TopographicSimilarity()(MESSAGES, np.ones((len(MESSAGES), 3))))
    assert np.isnan(TopographicSimilarity(HammingDistance())(MESSAGES, np.ones((len(MESSAGES), 2), np.int32)))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_similarity_of_too_few_messages_is_undefined(count):
    assert np.isnan(TopographicSimilarity()(MESSAGES[:count], MEANINGS[:count]))


def test_attributes_that_do_not_vary_change_nothing():
    constant = np.zeros((len(MEANINGS), 1), np.int32)
    measure = TopographicSimilarity(HammingDistance())
    messages = languages.random_messages(len(MEANINGS), 4, 3)
    expected = measure(messages, MEANINGS)
    assert measure(messages, np.hstack([constant, MEANINGS])) == pytest.approx(expected, abs=1e-12)


def test_meanings_of_another_number_are_refused():
    with pytest.raises(UserError, match="60 messages and 59 meanings"):
        TopographicSimilarity()(MESSAGES, MEANINGS[1:])


def test_a_distance_that_is_none_is_refused():
    with pytest.raises(UserError, match="CosineDistance"):
        TopographicSimilarity("cosine")
