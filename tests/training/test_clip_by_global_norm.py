import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.training.optimizers import ClipByGlobalNorm, Optimizer


class Descent(Optimizer):
    """Moves by the gradients themselves, so that a step shows what arrived."""

    def __init__(self, variables):
        super().__init__()
        self.places = variables

    def apply(self, gradients, step):
        for gradient, place in zip(gradients, self.places, strict=True):
            place.assign(place.value - gradient)


@pytest.mark.parametrize(
    ("limit", "expected"),
    # Gradients of 3 and (0, 4) are 5 long together.
    [(1.0, [0.6, 0.8]), (2.5, [1.5, 2.0]), (5.0, [3.0, 4.0]), (500.0, [3.0, 4.0])],
)
def test_gradients_are_scaled_to_the_limit_together(limit, expected):
    places = [keras.Variable(0.0), keras.Variable([0.0, 0.0])]
    ClipByGlobalNorm(places, limit, Descent).apply([tf.constant(3.0), tf.constant([0.0, 4.0])], tf.constant(0))
    np.testing.assert_allclose(places[0].numpy(), -expected[0], atol=1e-6)
    np.testing.assert_allclose(places[1].numpy(), [0.0, -expected[1]], atol=1e-6)


def test_zero_gradients_stay_zero():
    place = keras.Variable([1.0, 2.0])
    ClipByGlobalNorm([place], 1.0, Descent).apply([tf.zeros(2)], tf.constant(0))
    assert place.numpy().tolist() == [1.0, 2.0]


@pytest.mark.parametrize("limit", [0.0, -1.0])
def test_limit_that_stops_all_learning_is_refused(limit):
    with pytest.raises(UserError, match="set it above 0"):
        ClipByGlobalNorm([keras.Variable(1.0)], limit, Descent)


def test_optimizer_that_does_not_say_how_it_updates_is_told_so():
    with pytest.raises(TypeError, match="Optimizer does not say"):
        Optimizer().apply([], tf.constant(0))
