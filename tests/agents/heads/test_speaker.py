import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.agents.heads.speaker import (
    Dueling,
    Policy,
    PolicyMlpCritics,
    PolicyQValue,
    PolicyQValueDueling,
    PolicyValue,
)

B, T, H, V = 3, 2, 4, 5
OUTPUTS = np.random.default_rng(0).normal(size=(B, T, H)).astype(np.float32)
HEADS = [Policy, PolicyValue, PolicyQValue, PolicyQValueDueling]


def built(head):
    head.build((None, H))
    for weight in head.weights:
        weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    return head


def linear(layer):
    return OUTPUTS @ layer.kernel.numpy() + layer.bias.numpy()


def dueling(net):
    advantage = linear(net.advantage)
    return linear(net.value) + advantage - advantage.mean(-1, keepdims=True)


@pytest.mark.parametrize("head", HEADS)
def test_policy_logits_are_linear(head):
    head = built(head(V))
    np.testing.assert_allclose(head.policy_logits(tf.constant(OUTPUTS)), linear(head.policy), atol=1e-5)


def test_dueling_q_values_are_the_value_plus_centred_advantages():
    net = built(Dueling(V))
    values = net(tf.constant(OUTPUTS))
    np.testing.assert_allclose(values.value, linear(net.value)[..., 0], atol=1e-5)
    np.testing.assert_allclose(values.q_values, dueling(net), atol=1e-5)
    np.testing.assert_allclose(np.mean(values.q_values, axis=-1), values.value, atol=1e-5)


def test_head_without_critics_has_no_values():
    assert built(Policy(V)).values(tf.constant(OUTPUTS)) == (None, None)


def test_value_head_has_a_linear_value_and_no_q_values():
    head = built(PolicyValue(V))
    values = head.values(tf.constant(OUTPUTS))
    np.testing.assert_allclose(values.value, linear(head.value)[..., 0], atol=1e-5)
    assert values.q_values is None


def test_q_value_head_takes_both_from_one_dueling_net():
    head = built(PolicyQValue(V))
    values = head.values(tf.constant(OUTPUTS))
    np.testing.assert_allclose(values.value, linear(head.dueling.value)[..., 0], atol=1e-5)
    np.testing.assert_allclose(values.q_values, dueling(head.dueling), atol=1e-5)


def test_default_head_has_a_value_net_beside_its_dueling_net():
    head = built(PolicyQValueDueling(V))
    values = head.values(tf.constant(OUTPUTS))
    np.testing.assert_allclose(values.value, linear(head.value)[..., 0], atol=1e-5)
    np.testing.assert_allclose(values.q_values, dueling(head.dueling), atol=1e-5)
    assert len(head.weights) == 8


def mlp(net):
    """Of a net with one hidden layer."""
    hidden = np.maximum(linear(net.layers[0]), 0.0)
    return hidden @ net.layers[1].kernel.numpy() + net.layers[1].bias.numpy()


def test_critics_can_have_hidden_layers():
    head = built(PolicyMlpCritics(V, [6]))
    values = head.values(tf.constant(OUTPUTS))
    np.testing.assert_allclose(values.value, mlp(head.value)[..., 0], atol=1e-5)
    advantage = mlp(head.dueling.advantage)
    expected = mlp(head.dueling.value) + advantage - advantage.mean(-1, keepdims=True)
    np.testing.assert_allclose(values.q_values, expected, atol=1e-5)
    np.testing.assert_allclose(head.policy_logits(tf.constant(OUTPUTS)), linear(head.policy), atol=1e-5)
    assert [layer.units for layer in head.value.layers] == [6, 1]


def test_head_with_hidden_layers_is_built_again_from_its_configuration():
    head = PolicyMlpCritics.from_config(PolicyMlpCritics(V, [6, 4]).get_config())
    assert head.hidden_sizes == (6, 4)
    assert [layer.units for layer in built(head).dueling.advantage.layers] == [6, 4, V]


def test_critics_without_hidden_layers_are_linear():
    shapes = [[w.shape for w in built(head).weights] for head in (PolicyMlpCritics(V, []), PolicyQValueDueling(V))]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("head", HEADS)
def test_every_net_of_a_head_can_have_hidden_layers(head):
    head = built(head(V, [6]))
    np.testing.assert_allclose(head.policy_logits(tf.constant(OUTPUTS)), mlp(head.policy), atol=1e-5)
    values, nets = head.values(tf.constant(OUTPUTS)), vars(head)
    if "dueling" in nets:
        advantage = mlp(head.dueling.advantage)
        expected = mlp(head.dueling.value) + advantage - advantage.mean(-1, keepdims=True)
        np.testing.assert_allclose(values.q_values, expected, atol=1e-5)
    if values.value is not None:
        value = head.value if "value" in nets else head.dueling.value
        np.testing.assert_allclose(values.value, mlp(value)[..., 0], atol=1e-5)
