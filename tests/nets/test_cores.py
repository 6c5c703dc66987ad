import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.nets import unroll
from tf_emcom.nets.core import Core
from tf_emcom.nets.gru_core import GruCore
from tf_emcom.nets.lstm_core import LstmCore

B, T, E, H = 3, 4, 5, 6
GENERATOR = np.random.default_rng(0)
EMBEDDED = GENERATOR.normal(size=(B, T, E)).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, state, kernel, recurrent, bias):
    """Hochreiter & Schmidhuber with a forget gate; gates in the order i, f, c, o."""
    h, c = state
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return h, (h, c)


def gru(x, state, kernel, recurrent, bias):
    """Cho et al.; gates in the order z, r, h, the reset gate before the product."""
    (h,) = state
    xz, xr, xh = np.split(x @ kernel + bias, 3, axis=1)
    uz, ur, uh = np.split(recurrent, 3, axis=1)
    z, r = sigmoid(xz + h @ uz), sigmoid(xr + h @ ur)
    h = z * h + (1 - z) * np.tanh(xh + (r * h) @ uh)
    return h, (h,)


CORES = [(LstmCore, lstm), (GruCore, gru)]


def built(cls):
    core = cls(H)
    core.build((None, E))
    for weight in core.weights:
        weight.assign(GENERATOR.normal(0, 0.7, weight.shape))
    return core, [core.cell.kernel.numpy(), core.cell.recurrent_kernel.numpy(), core.cell.bias.numpy()]


@pytest.mark.parametrize(("cls", "twin"), CORES)
def test_steps_are_those_of_the_twin(cls, twin):
    core, weights = built(cls)
    flat = GENERATOR.normal(size=(B, core.state_size)).astype(np.float32)
    state = core.split_state(tf.constant(flat))
    expected_state = tuple(np.split(flat, core.state_size // H, axis=1))
    for t in range(T):
        output, state = core.step(tf.constant(EMBEDDED[:, t]), state)
        expected, expected_state = twin(EMBEDDED[:, t], expected_state, *weights)
        np.testing.assert_allclose(output, expected, atol=1e-5)
        assert len(state) == len(expected_state)
        for ours, theirs in zip(state, expected_state, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(("cls", "twin"), CORES)
def test_message_is_read_from_zeros_to_its_last_output(cls, twin):
    core, weights = built(cls)
    state = tuple(np.zeros((B, H)) for _ in range(core.state_size // H))
    for t in range(T):
        expected, state = twin(EMBEDDED[:, t], state, *weights)
    np.testing.assert_allclose(unroll.read(core, tf.constant(EMBEDDED)), expected, atol=1e-5)


@pytest.mark.parametrize("cls", [LstmCore, GruCore])
def test_state_of_zeros_has_a_row_a_game(cls):
    core = cls(H)
    state = core.start(tf.zeros([B, T, E]))
    assert [part.shape for part in state] == [(B, H)] * (core.state_size // H)
    assert not any(np.any(part) for part in state)


def test_lstm_state_is_split_into_output_then_cell():
    h, c = LstmCore(2).split_state(tf.constant([[1.0, 2.0, 3.0, 4.0]]))
    assert (h.numpy().tolist(), c.numpy().tolist()) == ([[1.0, 2.0]], [[3.0, 4.0]])


def test_core_that_does_not_say_what_a_step_is_is_told_so():
    with pytest.raises(TypeError, match="Core does not say what a step is"):
        Core().step(tf.zeros([1, 1]), ())
    with pytest.raises(TypeError, match="Core does not say how its state"):
        Core().split_state(tf.zeros([1, 1]))
