import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.schedules import Joined, LinearRamp
from tf_emcom.training.optimizers import Adam

GENERATOR = np.random.default_rng(0)
STARTS = [GENERATOR.normal(size=(3, 2)).astype(np.float32), GENERATOR.normal(size=4).astype(np.float32)]
GRADIENTS = [[GENERATOR.normal(size=w.shape).astype(np.float32) for w in STARTS] for _ in range(5)]

# 1 − 0.999^t has lost five digits in float32, so that steps of up to 0.4 are wrong by some 1e-5 of themselves.
TOLERANCE = 1e-5


def twin(rates, b1=0.9, b2=0.999, epsilon=1e-8, weight_decay=0.0):
    """Algorithm 1 of Kingma & Ba with Loshchilov & Hutter's decay, in float64."""
    places = [w.astype(np.float64) for w in STARTS]
    first, second = [0 * w for w in places], [0 * w for w in places]
    for t, (gradients, rate) in enumerate(zip(GRADIENTS, rates, strict=True), start=1):
        for i, g in enumerate(gradients):
            first[i] = b1 * first[i] + (1 - b1) * g
            second[i] = b2 * second[i] + (1 - b2) * g**2
            update = first[i] / (1 - b1**t) / (np.sqrt(second[i] / (1 - b2**t)) + epsilon)
            places[i] = places[i] - rate * (update + weight_decay * places[i])
    return places


def trained(steps=range(5), **settings):
    variables = [keras.Variable(w) for w in STARTS]
    optimizer = Adam(variables, **settings)
    for step, gradients in zip(steps, GRADIENTS, strict=True):
        optimizer.apply([tf.constant(g) for g in gradients], tf.constant(step))
    return [v.numpy() for v in variables], optimizer


@pytest.mark.parametrize(
    ("settings", "twins", "rates"),
    [
        ({"learning_rate": 0.1}, {}, [0.1] * 5),
        ({"learning_rate": 0.1, "weight_decay": 0.3}, {"weight_decay": 0.3}, [0.1] * 5),
        (
            {"learning_rate": LinearRamp(0.0, 0.4, 4), "weight_decay": 0.3},
            {"weight_decay": 0.3},
            [0, 0.1, 0.2, 0.3, 0.4],
        ),
        (
            {"learning_rate": Joined([0.1, 0.01], [2]), "b1": 0.9, "b2": 0.9, "epsilon": 1e-3},
            {"b2": 0.9, "epsilon": 1e-3},
            [0.1, 0.1, 0.01, 0.01, 0.01],
        ),
    ],
    ids=["plain", "decay", "schedule", "reconstruction"],
)
def test_five_steps_end_where_the_twin_ends(settings, twins, rates):
    for ours, theirs in zip(trained(**settings)[0], twin(rates, **twins), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE)


def test_defaults_are_the_speakers():
    for ours, theirs in zip(trained()[0], twin([1e-4] * 5), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)


def test_schedule_follows_the_runs_steps_and_the_bias_its_own_updates():
    # Like an optimiser that was reset at step 100.
    ramp = LinearRamp(0.0, 0.4, 200)
    places, optimizer = trained(range(100, 105), learning_rate=ramp)
    for ours, theirs in zip(places, twin([0.4 * step / 200 for step in range(100, 105)]), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE)
    assert optimizer.updates.numpy().tolist() == [5, 5]


def test_first_step_is_as_long_as_the_learning_rate():
    variable = keras.Variable([1.0, 1.0])
    Adam([variable], 0.01).apply([tf.constant([1e-3, -50.0])], tf.constant(0))
    np.testing.assert_allclose(variable.numpy(), [0.99, 1.01], atol=1e-6)


def test_state_is_that_of_a_module():
    _, optimizer = trained()
    names = [v.name for v in optimizer.first_moments + optimizer.second_moments]
    assert names == ["first_moment_0", "first_moment_1", "second_moment_0", "second_moment_1"]


def test_missing_gradient_is_refused():
    optimizer = Adam([keras.Variable(1.0), keras.Variable(2.0)])
    with pytest.raises(ValueError, match="argument"):
        optimizer.apply([tf.constant(1.0)], tf.constant(0))
