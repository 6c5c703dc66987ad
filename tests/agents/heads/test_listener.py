import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.agents.heads.listener import (
    Cpc,
    DistPolicyValue,
    DotProduct,
    MergePolicyValue,
    NormMergePolicyQValue,
    NormMergePolicyValue,
)

B, H, F, E, C = 3, 4, 5, 6, 7
GENERATOR = np.random.default_rng(0)
MESSAGES = GENERATOR.normal(size=(B, H)).astype(np.float32)
CANDIDATES = GENERATOR.normal(size=(C, F)).astype(np.float32)
HEADS = [Cpc, DistPolicyValue, MergePolicyValue, NormMergePolicyValue, NormMergePolicyQValue]


def built(head, candidates=C):
    head.build((None, H), (candidates, F))
    for weight in head.weights:
        weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    return head


def linear(layer, inputs):
    return inputs @ layer.kernel.numpy() + layer.bias.numpy()


def projections(head, activation):
    return (
        activation(linear(head.message_projection, MESSAGES)),
        activation(linear(head.candidate_projection, CANDIDATES)),
    )


def scored(head, candidates=CANDIDATES):
    return head.scores(tf.constant(MESSAGES), tf.constant(candidates)).numpy()


def cosines(head, activation):
    messages, candidates = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in projections(head, activation))
    return messages @ candidates.T


def identity(x):
    return x


@pytest.mark.parametrize(("settings", "activation"), [({}, np.tanh), ({"activation": None}, identity)])
def test_cpc_scores_are_minus_the_cosine_losses(settings, activation):
    head = built(Cpc(E, **settings))
    np.testing.assert_allclose(scored(head), -(2 - 2 * cosines(head, activation)), atol=1e-5)
    assert head.values(tf.zeros([B, C])) == (None, None)


def test_dist_scores_are_cosines_and_the_value_is_a_sigmoid():
    head = built(DistPolicyValue(E))
    scores = scored(head)
    np.testing.assert_allclose(scores, cosines(head, identity), atol=1e-5)
    values = head.values(tf.constant(scores))
    np.testing.assert_allclose(values.value, 1 / (1 + np.exp(-linear(head.value, scores)[:, 0])), atol=1e-5)
    assert values.q_values is None


def test_merge_scores_are_dot_products_and_the_value_is_linear():
    head = built(MergePolicyValue(E))
    scores = scored(head)
    messages, candidates = projections(head, identity)
    np.testing.assert_allclose(scores, messages @ candidates.T, atol=1e-4)
    values = head.values(tf.constant(scores))
    np.testing.assert_allclose(values.value, linear(head.value, scores)[:, 0], rtol=1e-4, atol=1e-4)
    assert values.q_values is None


@pytest.mark.parametrize("head", [NormMergePolicyValue, NormMergePolicyQValue])
def test_norm_merge_scores_are_dot_products_of_tanh_projections(head):
    head = built(head(E))
    messages, candidates = projections(head, np.tanh)
    np.testing.assert_allclose(scored(head), messages @ candidates.T, atol=1e-5)


@pytest.mark.parametrize("head", [NormMergePolicyValue, NormMergePolicyQValue])
def test_norm_merge_value_is_an_mlp_on_the_scores(head):
    head = built(head(E))
    scores = scored(head)
    hidden = scores
    for layer in head.value.layers[:2]:
        hidden = np.maximum(linear(layer, hidden), 0)
    expected = linear(head.value.layers[2], hidden)[:, 0]
    np.testing.assert_allclose(head.values(tf.constant(scores)).value, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("candidates", "widths"), [(2, (4, 2, 1)), (16, (4, 2, 1)), (64, (16, 4, 1)), (1024, (256, 64, 1))]
)
def test_norm_merge_value_net_grows_with_the_candidates(candidates, widths):
    head = built(NormMergePolicyValue(E), candidates)
    assert tuple(layer.units for layer in head.value.layers) == widths


def test_q_values_are_the_value_plus_centred_advantages():
    head = built(NormMergePolicyQValue(E))
    scores = scored(head)
    values = head.values(tf.constant(scores))
    advantage = linear(head.advantage, scores)
    expected = values.value.numpy()[:, None] + advantage - advantage.mean(-1, keepdims=True)
    np.testing.assert_allclose(values.q_values, expected, rtol=1e-4, atol=1e-4)


def mlp(net, inputs):
    """Of a net with one hidden layer, before the activation of its outputs."""
    hidden, last = net.layers
    return linear(last, np.maximum(linear(hidden, inputs), 0))


@pytest.mark.parametrize("head", [Cpc, DotProduct, *HEADS[1:]])
@pytest.mark.parametrize("activation", [None, "tanh"])
def test_projections_can_have_hidden_layers_before_their_activation(head, activation):
    head = built(head(E, activation, [8]))
    after = np.tanh if activation else identity
    given = (head.message_projection, MESSAGES), (head.candidate_projection, CANDIDATES)
    found = head.project_messages(tf.constant(MESSAGES)), head.project_candidates(tf.constant(CANDIDATES))
    for (net, inputs), projected in zip(given, found, strict=True):
        assert [layer.units for layer in net.layers] == [8, E]
        np.testing.assert_allclose(projected, after(mlp(net, inputs)), atol=1e-5)
    np.testing.assert_allclose(scored(head), head.compare(*found), atol=1e-6)


@pytest.mark.parametrize(
    ("head", "after"),
    [(MergePolicyValue, identity), (DistPolicyValue, lambda x: 1 / (1 + np.exp(-x))), (NormMergePolicyValue, identity)],
)
def test_widths_of_the_value_net_can_be_chosen(head, after):
    head = built(head(E, value_sizes=[5]))
    scores = scored(head)
    assert [layer.units for layer in head.value.layers] == [5, 1]
    expected = after(mlp(head.value, scores)[:, 0])
    np.testing.assert_allclose(head.values(tf.constant(scores)).value, expected, rtol=1e-4, atol=1e-4)


def test_value_net_without_hidden_layers_is_linear():
    head = built(NormMergePolicyValue(E, value_sizes=[]))
    scores = scored(head)
    expected = linear(head.value, scores)[:, 0]
    np.testing.assert_allclose(head.values(tf.constant(scores)).value, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("value_sizes", "widths"), [(None, [4, 2, 1]), ((9, 3), [9, 3, 1])])
def test_head_is_built_again_from_its_configuration(value_sizes, widths):
    first = NormMergePolicyQValue(E, hidden_sizes=(8,), value_sizes=value_sizes)
    head = built(NormMergePolicyQValue.from_config(first.get_config()))
    assert [layer.units for layer in head.value.layers] == widths
    assert [layer.units for layer in head.message_projection.layers] == [8, E]


@pytest.mark.parametrize("head", HEADS)
def test_default_projections_have_256_units(head):
    head = head()
    head.build((None, H), (C, F))
    assert head.message_projection.units == head.candidate_projection.units == 256


@pytest.mark.parametrize("head", HEADS)
def test_scores_work_for_any_number_of_candidates(head):
    head = built(head(E))
    more = np.concatenate([CANDIDATES, GENERATOR.normal(size=(4, F)).astype(np.float32)])
    assert scored(head, more).shape == (B, C + 4)
    np.testing.assert_allclose(scored(head, more)[:, :C], scored(head), atol=1e-5)


@pytest.mark.parametrize("head", HEADS[1:])
def test_critics_know_the_training_number_of_candidates_only(head):
    with pytest.raises(ValueError, match="incompatible"):
        built(head(E)).values(tf.zeros([B, C + 1]))
