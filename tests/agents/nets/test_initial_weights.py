import numpy as np
import pytest

from tf_emcom.agents.nets.layers import Linear, Mlp, SymbolEmbedding
from tf_emcom.agents.nets.recurrent import GruCore, LstmCore

# Standard deviation of a standard normal that is cut off at ±2.
CUT = 0.87962566


def assert_truncated_normal(weights, sigma):
    weights = np.array(weights)
    assert weights.size > 5000
    assert np.abs(weights).max() <= 2 * sigma * 1.0001
    # The cut is there and is used up to its edge.
    assert np.abs(weights).max() > 1.9 * sigma
    # 5σ of the estimate, whose relative error is below 1/√(2n).
    assert weights.std() == pytest.approx(CUT * sigma, rel=5 / (2 * weights.size) ** 0.5)
    assert abs(weights.mean()) < 5 * sigma / weights.size**0.5


def built(layer, shape):
    layer.build(shape)
    return layer


def test_linear_kernel_has_the_deviation_of_its_fan_in_and_no_bias():
    layer = built(Linear(200), (None, 64))
    assert_truncated_normal(layer.kernel, 1 / 8)
    assert not np.any(layer.bias)


def test_every_layer_of_an_mlp_has_the_deviation_of_its_own_fan_in():
    net = built(Mlp((144, 100)), (None, 64))
    assert_truncated_normal(net.layers[0].kernel, 1 / 8)
    assert_truncated_normal(net.layers[1].kernel, 1 / 12)


def test_both_kernels_of_an_lstm_have_the_deviation_of_inputs_and_units():
    cell = built(LstmCore(96), (None, 48)).cell
    assert_truncated_normal(cell.kernel, 1 / 12)
    assert_truncated_normal(cell.recurrent_kernel, 1 / 12)


def test_each_kernel_of_a_gru_has_the_deviation_of_its_own_fan_in_whatever_the_cut_takes_away():
    # 10 numbers an embedded symbol, and 225 units: 0.32 and 0.07, where one deviation over both would be 0.06.
    cell = built(GruCore(225), (None, 10)).cell
    for kernel, fan_in in ((cell.kernel, 10), (cell.recurrent_kernel, 225)):
        assert kernel.shape[0] == fan_in
        assert_truncated_normal(kernel, fan_in**-0.5 / CUT)
        assert np.std(kernel) == pytest.approx(fan_in**-0.5, rel=5 / (2 * np.size(kernel)) ** 0.5)


def test_lstm_bias_is_one_on_the_forget_gate_and_zero_elsewhere():
    i, f, c, o = np.split(np.array(built(LstmCore(7), (None, 3)).cell.bias), 4)
    assert (f == 1).all()
    assert not np.any([i, c, o])


def test_gru_bias_is_zero():
    assert not np.any(built(GruCore(7), (None, 3)).cell.bias)


def test_embedding_has_deviation_one():
    assert_truncated_normal(built(SymbolEmbedding(500, 20), ()).embeddings, 1.0)


def test_layers_are_drawn_apart():
    first, second = (built(Linear(5), (None, 5)).kernel.numpy() for _ in range(2))
    assert (first != second).all()
    cell = built(LstmCore(8), (None, 8)).cell
    assert (cell.kernel.numpy() != cell.recurrent_kernel.numpy()).all()
