"""Claims that two quantities go together: hand-worked ranks, and SciPy's."""

import itertools

import numpy as np
import pytest
import scipy.stats

from tf_emcom.errors import UserError
from tf_emcom.tools.reproduce.claims import claims_markdown
from tf_emcom.tools.reproduce.correlations import Correlation, Quantity
from tf_emcom.tools.reproduce.statistics import spearman

FIRST = Quantity("testtopsim", {"meaning": "inputs"}, "topsim")
SECOND = Quantity("transfer", {"noise": 0.0}, by="speaker")


def tables(pairs):
    """Rows of two tables: name ↦ (topsim, accuracy) of seeds 0, 1…"""
    topsims = [
        {"game": name, "seed": seed, "meaning": meaning, "topsim": value if meaning == "inputs" else 9.0}
        for name, values in pairs.items()
        for seed, (value, _) in enumerate(values)
        for meaning in ("inputs", "attributes")
    ]
    transfers = [
        {"speaker": name, "seed": seed, "noise": noise, "accuracy": value + noise}
        for name, values in pairs.items()
        for seed, (_, value) in enumerate(values)
        for noise in (0.0, 0.5)
    ]
    return {"testtopsim": topsims, "transfer": transfers}


def correlation(names=("a", "b", "c"), **limits):
    return Correlation("They go together.", "someone", FIRST, SECOND, names, **limits)


TOGETHER = {"a": [(0.1, 0.5), (0.2, 0.4)], "b": [(0.3, 0.6), (0.4, 0.7)], "c": [(0.5, 0.8), (0.6, 0.9)]}


def test_ranks_of_all_runs_are_correlated():
    found = correlation(at_least=0.5).answer(tables(TOGETHER))
    # Of six pairs two neighbours have changed places: 1 - 6 · 2 / (6 · 35).
    assert found["difference"] == pytest.approx(1 - 12 / 210)
    # One seed drawn twice leaves both numbers of a game equal, so that no order is turned within it.
    assert 0.8 < found["low"] <= found["difference"] <= found["high"] <= 1.0
    assert (found["result"], found["seeds"], found["probability"]) == ("seen", "2", None)
    assert "(testtopsim, topsim, meaning inputs) and (transfer, accuracy, noise 0.0) over a, b, c" in found["compared"]


@pytest.mark.parametrize(
    ("limits", "result"),
    [
        ({"at_least": -0.5, "at_most": 0.5}, "not seen"),
        ({"at_most": 0.99}, "not decided here"),
        ({"at_least": 0.99}, "not decided here"),
        ({"at_least": 0.5, "at_most": 1.0}, "seen"),
    ],
    ids=str,
)
def test_the_whole_interval_has_to_be_between_the_limits(limits, result):
    assert correlation(**limits).answer(tables(TOGETHER))["result"] == result


def test_only_runs_that_have_both_count_and_too_few_decide_nothing():
    found = tables(TOGETHER)
    found["transfer"] = [row for row in found["transfer"] if (row["speaker"], row["seed"]) != ("a", 1)]
    one_less = correlation().answer(found)
    assert (one_less["seeds"], one_less["low"], one_less["result"]) == ("1 to 2", None, "not decided here")
    found["transfer"] = [row for row in found["transfer"] if row["speaker"] == "b"]
    assert correlation().answer(found)["result"] == "not decided here: no row of a or c"
    assert correlation().answer({})["seeds"] == "0"


def test_several_values_of_a_seed_are_refused():
    loose = Correlation("It.", "someone", Quantity("transfer", by="speaker"), SECOND, ("a", "b"))
    with pytest.raises(UserError, match="a has more than one accuracy of seed 0 .*set its Quantity.where"):
        loose.answer(tables(TOGETHER))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"names": ("a", "a")}, "two games or more"),
        ({"at_least": 0.5, "at_most": 0.5}, "set the first to the lower one"),
        ({"at_least": 1.5}, "between -1 and 1"),
    ],
)
def test_what_cannot_be_asked_is_refused(wrong, sentence):
    with pytest.raises(UserError, match=sentence):
        correlation(**wrong)


def test_the_page_shows_both_limits():
    text = claims_markdown([correlation(at_least=-0.5, at_most=0.5).answer(tables(TOGETHER))])
    assert "| -0.5, at most 0.5 |" in text and "0.943 [" in text


def test_spearman_is_that_of_scipy_also_with_ties_and_for_many_draws_at_once():
    generator = np.random.default_rng(0)
    draws = [generator.integers(4, size=(7, count, 2)).astype(float) for count in (3, 5)]
    expected = [scipy.stats.spearmanr(np.concatenate([draw[i] for draw in draws])).statistic for i in range(7)]
    np.testing.assert_allclose(spearman(draws), expected, atol=1e-12)
    assert spearman([np.array([[1.0, 2.0], [1.0, 3.0]])]) == 0.0
    for order in itertools.permutations(range(4)):
        pairs = np.stack([np.arange(4.0), np.array(order, float)], axis=1)
        assert spearman([pairs[:1], pairs[1:]]) == pytest.approx(scipy.stats.spearmanr(pairs).statistic)
