import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.agents.nets.attention import AttentionCore, LstmAttentionCore, MessageReader
from tf_emcom.agents.nets.recurrent import Core, GruCore, IdentityCore, LstmCore
from tf_emcom.agents.nets.transformer import TransformerCore, TransformerReader
from tf_emcom.errors import UserError
from tf_emcom.ops.recurrence import Steps

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
        # A state has a column for each game; behind it stands the cell.
        for ours, theirs in zip(state[: len(expected_state)], expected_state, strict=True):
            np.testing.assert_allclose(tf.transpose(ours), theirs, atol=1e-5)


@pytest.mark.parametrize(("cls", "twin"), CORES)
def test_message_is_read_from_zeros_to_its_last_output(cls, twin):
    core, weights = built(cls)
    state = tuple(np.zeros((B, H)) for _ in range(core.state_size // H))
    for t in range(T):
        expected, state = twin(EMBEDDED[:, t], state, *weights)
    np.testing.assert_allclose(core.read(tf.constant(EMBEDDED)), expected, atol=1e-5)


@pytest.mark.parametrize("cls", [LstmCore, GruCore])
def test_state_of_zeros_has_a_column_a_game(cls):
    core, _ = built(cls)
    state = core.start(tf.zeros([B, T, E]))[: core.state_size // H]
    assert [part.shape for part in state] == [(H, B)] * (core.state_size // H)
    assert not any(np.any(part) for part in state)


def test_lstm_state_is_split_into_output_then_cell():
    core = LstmCore(2)
    core.build((None, E))
    h, c, *_ = core.split_state(tf.constant([[1.0, 2.0, 3.0, 4.0]]))
    assert (h.numpy().tolist(), c.numpy().tolist()) == ([[1.0], [2.0]], [[3.0], [4.0]])


@pytest.mark.parametrize("cls", [LstmCore, GruCore])
def test_outputs_are_those_of_the_steps(cls):
    core, _ = built(cls)
    outputs = core.outputs(tf.constant(EMBEDDED))
    assert outputs.shape == (B, T, H)
    state = core.start(tf.constant(EMBEDDED))
    for t in range(T):
        expected, state = core.step(tf.constant(EMBEDDED[:, t]), state)
        # The first step from zeros leaves out products with them.
        np.testing.assert_allclose(outputs[:, t], expected, atol=1e-6)


@pytest.mark.parametrize("cls", [LstmCore, GruCore, functools.partial(TransformerCore, H, 2)])
def test_steps_without_a_tape_give_the_outputs_of_steps_with_one(cls):
    core = cls() if isinstance(cls, functools.partial) else cls(H)
    core.build((None, E))
    flat = tf.constant(GENERATOR.normal(size=(B, core.state_size)), tf.float32)
    steps = core.steps(flat)
    taken = [steps.take(tf.constant(EMBEDDED[:, t])) for t in range(T)]
    plain = Steps(core.step, core.split_state(flat)).outputs(tf.constant(EMBEDDED))
    for outputs in (tf.stack(taken, axis=1), steps.outputs(tf.constant(EMBEDDED))):
        np.testing.assert_allclose(outputs, plain, atol=1e-6)


def test_identity_hears_the_last_symbol():
    core = IdentityCore()
    core.build((None, E))
    assert (core.units, core.weights) == (E, [])
    np.testing.assert_array_equal(core.read(tf.constant(EMBEDDED)), EMBEDDED[:, -1])


def test_identity_passes_inputs_and_state_on():
    core = IdentityCore()
    core.build((None, E))
    flat = GENERATOR.normal(size=(B, core.state_size)).astype(np.float32)
    output, state = core.step(tf.constant(EMBEDDED[:, 0]), core.split_state(tf.constant(flat)))
    np.testing.assert_array_equal(output, EMBEDDED[:, 0])
    np.testing.assert_array_equal(state[0], flat)


HEARING_POSITIONS = [
    functools.partial(AttentionCore, H, 2),
    functools.partial(TransformerCore, H, 2),
    functools.partial(TransformerReader, H, 2),
]
ALL = [IdentityCore, *(functools.partial(cls, H) for cls in (LstmCore, GruCore, LstmAttentionCore)), *HEARING_POSITIONS]


def cls_name(make):
    return getattr(make, "func", make).__name__


def with_weights(make):
    core = make()
    core.build((None, E))
    generator = np.random.default_rng(1)
    for weight in core.weights:
        weight.assign(generator.normal(0, 0.7, weight.shape))
    return core


@pytest.mark.parametrize("make", ALL, ids=cls_name)
def test_games_are_read_apart(make):
    core = with_weights(make)
    assert core.read(tf.constant(EMBEDDED)).shape == (B, core.units)
    np.testing.assert_allclose(core.read(tf.constant(EMBEDDED[1:2])), core.read(tf.constant(EMBEDDED))[1:2], atol=1e-5)


@pytest.mark.parametrize("make", ALL, ids=cls_name)
def test_message_of_one_symbol_is_read(make):
    read = with_weights(make).read(tf.constant(EMBEDDED[:, :1])).numpy()
    assert np.isfinite(read).all()
    assert (np.ptp(read, axis=0) > 1e-4).any()


@pytest.mark.parametrize("make", ALL, ids=cls_name)
@pytest.mark.parametrize("position", range(T))
def test_every_symbol_is_read_but_by_the_identity(make, position):
    core, other = with_weights(make), EMBEDDED.copy()
    other[:, position] = -other[:, position]
    heard = np.abs(core.read(tf.constant(other)) - core.read(tf.constant(EMBEDDED))).max(axis=1) > 1e-4
    assert heard.all() if position == T - 1 or type(core) is not IdentityCore else not heard.any()


@pytest.mark.parametrize("make", ALL, ids=cls_name)
def test_order_of_symbols_is_read(make):
    core = with_weights(make)
    change = np.abs(core.read(tf.constant(EMBEDDED[:, ::-1])) - core.read(tf.constant(EMBEDDED))).max(axis=1)
    assert (change > 1e-4).all()


@pytest.mark.parametrize("make", [AttentionCore, TransformerReader])
def test_without_positions_the_order_is_lost(make):
    core = with_weights(functools.partial(make, H, 2))
    getattr(core, "transformer", core).positions.embeddings.assign(tf.zeros([64, H]))
    one, other = (core.read(tf.constant(e)) for e in (EMBEDDED, EMBEDDED[:, ::-1]))
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("make", HEARING_POSITIONS, ids=cls_name)
def test_message_longer_than_the_positions_is_refused(make):
    core = make(longest=T)
    core.build((None, E))
    core.read(tf.constant(EMBEDDED))
    with pytest.raises(UserError, match=f"knows {T} positions; set"):
        core.read(tf.zeros([B, T + 1, E]))


@pytest.mark.parametrize("make", ALL, ids=cls_name)
def test_another_agents_weights_can_stand_in_while_a_step_is_computed(make):
    core, other = (with_weights(make) for _ in range(2))
    for weight in other.trainable_variables:
        weight.assign(0.5 * weight.value - 0.1)
    mapping = zip(core.trainable_variables, (v.value for v in other.trainable_variables), strict=True)
    with keras.StatelessScope(state_mapping=list(mapping)):
        read = core.read(tf.constant(EMBEDDED))
    np.testing.assert_allclose(read, other.read(tf.constant(EMBEDDED)), atol=1e-6)
    assert not core.weights or np.abs(read - core.read(tf.constant(EMBEDDED))).max() > 1e-4


@pytest.mark.parametrize("make", ALL, ids=cls_name)
def test_cores_have_no_weights_that_do_not_learn(make):
    # Not `non_trainable_variables`: among them, Keras' cells count the states of their unused dropout.
    assert with_weights(make).non_trainable_weights == []


@pytest.mark.parametrize("make", [AttentionCore, LstmAttentionCore, TransformerReader])
def test_core_that_reads_whole_messages_does_not_speak(make):
    with pytest.raises(UserError, match=f"{make.__name__} is a speaker's core here"):
        _ = make(8).state_size


def test_reader_that_does_not_say_how_it_reads_is_told_so():
    with pytest.raises(TypeError, match="does not say how it reads"):
        MessageReader().read(tf.zeros([1, 1, 1]))


@pytest.mark.parametrize("make", [AttentionCore, TransformerCore, TransformerReader])
@pytest.mark.parametrize(
    ("settings", "message"),
    [({"units": 0}, "units"), ({"heads": 0}, "heads"), ({"units": 6}, "divisor"), ({"longest": 0}, "longest")],
    ids=["units", "heads", "divisor", "longest"],
)
def test_impossible_sizes_are_refused(make, settings, message):
    with pytest.raises(UserError, match=message):
        make(**settings)


@pytest.mark.parametrize("make", [TransformerCore, TransformerReader])
def test_transformer_without_layers_is_refused(make):
    with pytest.raises(UserError, match="layers"):
        make(layers=0)


def test_core_that_does_not_say_what_a_step_is_is_told_so():
    with pytest.raises(TypeError, match="Core does not say what a step is"):
        Core().step(tf.zeros([1, 1]), ())
    with pytest.raises(TypeError, match="Core does not say how its state"):
        Core().split_state(tf.zeros([1, 1]))
