import numpy as np
import pytest

from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.distances import CosineDistance, EuclideanDistance, HammingDistance
from tf_emcom.ops.numbers import pairwise_cosine_loss

CORNERS = np.array([[3, 0], [0, 4], [-1, 0], [2, 2], [6, 0]], np.float32)
DIAGONAL = 2 - 2**0.5
BY_HAND = {
    CosineDistance: [2, 4, DIAGONAL, 0, 2, DIAGONAL, 2, 2 + 2**0.5, 4, DIAGONAL],
    EuclideanDistance: [5, 4, 5**0.5, 3, 17**0.5, 8**0.5, 52**0.5, 13**0.5, 7, 20**0.5],
    HammingDistance: [1, 0.5, 1, 0.5, 1, 1, 1, 1, 0.5, 1],
}


@pytest.mark.parametrize("distance", BY_HAND, ids=lambda cls: cls.__name__)
def test_distances_are_the_ones_worked_out_by_hand(distance):
    np.testing.assert_allclose(distance()(CORNERS), BY_HAND[distance], atol=1e-12)


def test_cosine_distance_is_the_loss_that_agents_are_trained_on():
    vectors = np.random.default_rng(0).normal(size=(150, 7)).astype(np.float32)
    vectors[3] = 0
    expected = pairwise_cosine_loss(vectors, vectors).numpy()[np.triu_indices(150, 1)]
    np.testing.assert_allclose(CosineDistance()(vectors), expected, atol=1e-5)


def test_a_vector_without_length_is_as_far_from_all_as_a_right_angle():
    np.testing.assert_array_equal(CosineDistance()(np.array([[0.0, 0], [1, 2], [0, 0]])), [2, 2, 2])


def test_vectors_of_one_direction_are_at_no_cosine_distance_at_all():
    direction = np.random.default_rng(0).normal(size=300)
    vectors = np.random.default_rng(1).uniform(0.1, 9, size=(100, 1)) * direction
    assert not CosineDistance()(vectors).any()


@pytest.mark.parametrize("distance", BY_HAND, ids=lambda cls: cls.__name__)
def test_distances_obey_the_order_of_pairs_across_blocks(distance):
    values = np.random.default_rng(0).integers(0, 4, (140, 3))
    everything = distance()(values)
    place = 0
    for row in range(140):
        for other in range(row + 1, 140):
            if (row * other) % 37 == 0:
                assert everything[place] == pytest.approx(distance()(values[[row, other]])[0], abs=1e-12)
            place += 1
    assert place == len(everything)


@pytest.mark.parametrize("distance", BY_HAND, ids=lambda cls: cls.__name__)
def test_meanings_that_are_no_vectors_are_refused(distance):
    with pytest.raises(UserError, match=r"\[N, F\]"):
        distance()(np.zeros(3))
