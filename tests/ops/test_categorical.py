import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from tf_emcom.ops import categorical

GENERATOR = np.random.default_rng(0)
DRAWS = 20_000
LOGITS = GENERATOR.normal(0, 1.5, (5, 7)).astype(np.float32)


def draws(logits, uniform, jit_compile=False):
    function = tf.function(categorical.draw, jit_compile=jit_compile)
    return function(tf.constant(logits, tf.float32), tf.constant(uniform, tf.float32)).numpy()


@pytest.mark.parametrize("row", range(len(LOGITS)))
def test_draws_have_the_probabilities_of_the_softmax(row):
    uniform = GENERATOR.uniform(size=DRAWS)
    counts = np.bincount(draws(np.tile(LOGITS[row], (DRAWS, 1)), uniform), minlength=7)
    assert scipy.stats.chisquare(counts, DRAWS * scipy.special.softmax(LOGITS[row].astype(np.float64))).pvalue > 1e-4


def test_draw_inverts_the_cumulative_distribution():
    logits = np.log([[0.2, 0.3, 0.5]] * 6)
    assert draws(logits, [0.01, 0.19, 0.21, 0.49, 0.51, 0.99]).tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("symbols", [2, 20, 1000])
@pytest.mark.parametrize("uniform", [1e-9, 2.0**-24, 1 - 1e-7, 1 - 2.0**-24])
def test_extreme_uniforms_stay_in_range(symbols, uniform):
    logits = GENERATOR.normal(0, 3, (500, symbols))
    drawn = draws(logits, np.full(500, uniform))
    assert drawn.dtype == np.int32
    assert drawn.min() >= 0
    assert drawn.max() < symbols


@pytest.mark.parametrize("uniform", [2.0**-24, 0.5, 1 - 2.0**-24])
def test_impossible_symbols_are_never_drawn(uniform):
    logits = [[-np.inf, 0, 0, -np.inf], [0, -np.inf, -np.inf, 0], [-1e9, -1e9, 0, -1e9]]
    chosen = draws(logits, [uniform] * 3)
    assert all(np.array(logits)[i, c] == 0 for i, c in enumerate(chosen))


def test_draws_are_the_same_under_xla_as_in_a_graph():
    logits = GENERATOR.normal(0, 2, (DRAWS, 20))
    uniform = GENERATOR.uniform(size=DRAWS)
    np.testing.assert_array_equal(draws(logits, uniform), draws(logits, uniform, jit_compile=True))


def test_draw_is_of_full_precision_from_half_precision_logits():
    # In float16 the cumulative sum over 5000 symbols stands still long before its end.
    logits = tf.zeros([2, 5000], tf.float16)
    assert categorical.draw(logits, tf.constant([0.25, 0.75])).numpy().tolist() == pytest.approx([1250, 3750], abs=2)


@pytest.mark.parametrize(("logits", "uniform"), [([1.0, 2.0], [0.5]), ([[1.0, 2.0]], 0.5)])
def test_wrong_ranks_are_refused(logits, uniform):
    with pytest.raises(ValueError, match="rank"):
        categorical.draw(tf.constant(logits), tf.constant(uniform))


def test_log_prob_is_the_log_of_the_softmax():
    chosen = np.arange(5)
    expected = scipy.special.log_softmax(LOGITS, axis=1)[np.arange(5), chosen]
    np.testing.assert_allclose(categorical.log_prob(tf.constant(LOGITS), tf.constant(chosen)), expected, atol=1e-6)


def test_entropy_is_scipys():
    expected = scipy.stats.entropy(scipy.special.softmax(LOGITS, axis=1), axis=1)
    np.testing.assert_allclose(categorical.entropy(tf.constant(LOGITS)), expected, atol=1e-6)


def test_kl_is_scipys():
    other = GENERATOR.normal(size=LOGITS.shape).astype(np.float32)
    expected = scipy.stats.entropy(scipy.special.softmax(LOGITS, axis=1), scipy.special.softmax(other, axis=1), axis=1)
    np.testing.assert_allclose(categorical.kl(tf.constant(LOGITS), tf.constant(other)), expected, atol=1e-6)
    np.testing.assert_allclose(categorical.kl(tf.constant(LOGITS), tf.constant(LOGITS)), np.zeros(5), atol=1e-6)


def test_measures_keep_leading_axes():
    logits = tf.constant(GENERATOR.normal(size=(2, 3, 4)).astype(np.float32))
    chosen = tf.constant([[0, 1, 2], [3, 2, 1]])
    assert categorical.log_prob(logits, chosen).shape == (2, 3)
    assert categorical.entropy(logits).shape == (2, 3)
    assert categorical.kl(logits, logits).shape == (2, 3)
