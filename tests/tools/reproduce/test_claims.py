"""Claims about a grid: what is seen, what is not, and what its runs cannot decide."""

import numpy as np
import pytest

from tests import commands
from tf_emcom.errors import UserError
from tf_emcom.runtime import catalogue, config
from tf_emcom.runtime.config import build
from tf_emcom.tools.reproduce.claims import Claim, claims_markdown, examined
from tf_emcom.tools.reproduce.correlations import Correlation

PRESETS = sorted((commands.ROOT / "gin" / "reproduce").glob("*.gin"))


def rows(game, values, **fields):
    found = {"candidates": 16, "noise": 0.5, **fields}
    return [{"game": game, "seed": seed, "accuracy": value, **found} for seed, value in values.items()]


def claim(**given):
    shared = {"sentence": "It is.", "source": "someone", "table": "testchannel", "where": {"noise": 0.5}}
    return Claim(**{**shared, "higher": {"game": "a"}, "lower": {"game": "b"}, **given})


# Differences of the same seeds: 0.1, 0.2, 0.3. One of 27 resamples has the smallest alone, which is more than 2.5 %.
PAIRED = [*rows("a", {0: 0.9, 1: 0.5, 2: 0.7}), *rows("b", {2: 0.4, 1: 0.3, 0: 0.8})]


@pytest.mark.parametrize(
    ("at_least", "result"),
    [(0.0, "seen"), (0.09, "seen"), (0.15, "not decided here"), (0.29, "not decided here"), (0.31, "not seen")],
)
def test_a_claim_is_decided_by_the_whole_interval(at_least, result):
    found = claim(at_least=at_least).examine(PAIRED)
    assert found["difference"] == pytest.approx(0.2)
    assert (found["low"], found["high"]) == (pytest.approx(0.1), pytest.approx(0.3))
    assert (found["result"], found["seeds"], found["paired"]) == (result, "3", True)
    # 0.9 beats all three, 0.5 two of them, and 0.7 two.
    assert found["probability"] == pytest.approx(7 / 9)
    assert found["probability_low"] < 7 / 9 < found["probability_high"] <= 1.0


def test_the_other_direction_is_not_seen():
    found = claim(higher={"game": "b"}, lower={"game": "a"}).examine(PAIRED)
    assert (found["difference"], found["result"]) == (pytest.approx(-0.2), "not seen")


def test_both_sides_are_drawn_apart_where_their_seeds_differ():
    found = claim().examine([*rows("a", {0: 0.0, 1: 1.0}), *rows("b", {5: 0.0, 6: 2.0, 7: 1.0})])
    assert (found["difference"], found["seeds"], found["paired"]) == (-0.5, "2 and 3", False)
    # 1 of 4 × 27 resamples, 0.9 %, has −2 or 1; with 3 more each, −5/3 and 2/3, these are more than 2.5 %.
    assert (found["low"], found["high"]) == (pytest.approx(-5 / 3), pytest.approx(2 / 3))


def test_strata_count_the_same_and_their_seeds_are_drawn_apart():
    many = [*rows("a", {0: 0.5, 1: 0.7}, task="x"), *rows("a", {0: 10.0, 1: 10.2}, task="y")]
    many += [
        *rows("b", {0: 0.4, 1: 0.5}, task="x"),
        *rows("b", {0: 9.0, 1: 9.0}, task="y"),
        *rows("b", {0: 1}, task="z"),
    ]
    found = claim(over="task").examine(many)
    # By task: 0.1 and 0.2; 1.0 and 1.2.
    assert found["difference"] == pytest.approx((0.15 + 1.1) / 2)
    assert (found["low"], found["high"]) == (pytest.approx(0.55), pytest.approx(0.7))
    assert "mean over 2 by task" in found["compared"]
    with pytest.raises(
        UserError, match="more than one accuracy of seed 0 .*noise 0.5, game a; .* to one of their task, too"
    ):
        claim().examine(many)


def test_a_best_seed_is_one_run_that_is_compared_with_every_seed_of_the_other_side():
    best = [{**row, "game": "a, best", "chosen": True} for row in rows("a", {1: 0.5})]
    found = claim(higher={"game": "a, best"}, lower={"game": "b"}).examine([*PAIRED, *best])
    # 0.5 less 0.8, 0.3 and 0.4: -0.3, 0.2 and 0.1.
    assert found["difference"] == pytest.approx(0.0) and found["probability"] == pytest.approx(2 / 3)
    assert (found["low"], found["high"]) == (pytest.approx(-0.3), pytest.approx(0.2))
    assert (found["seeds"], found["result"]) == ("3", "not decided here")
    turned = claim(higher={"game": "b"}, lower={"game": "a, best"}).examine([*PAIRED, *best])
    assert (turned["low"], turned["high"]) == (pytest.approx(-0.2), pytest.approx(0.3))
    both = claim(higher={"game": "a, best"}, lower={"game": "c, best"})
    one = both.examine([*best, {**best[0], "game": "c, best", "accuracy": 0.25}])
    assert (one["difference"], one["low"], one["result"]) == (0.25, None, "not decided here")


def test_what_was_not_measured_or_only_once_is_not_decided():
    nothing = claim().examine(rows("b", {0: 0.5}))
    assert (nothing["result"], nothing["seeds"]) == ("not decided here: no row of game a", "0")
    assert nothing["difference"] is None
    other_noise = claim(where={"noise": 0.25}).examine(PAIRED)
    assert other_noise["result"] == "not decided here: no row of game a or game b"
    once = claim().examine([*rows("a", {0: 0.9}), *rows("b", {0: 0.1})])
    assert (once["difference"], once["low"], once["result"]) == (pytest.approx(0.8), None, "not decided here")
    assert claim(measure="topsim").examine(PAIRED)["seeds"] == "0"


def test_a_value_that_a_run_lacks_is_left_out():
    found = claim().examine([*PAIRED, *rows("a", {3: None})])
    assert (found["seeds"], found["paired"]) == ("3", True)


def test_a_claim_that_compares_a_thing_with_itself_is_refused():
    with pytest.raises(UserError, match="Claim.higher and Claim.lower are both {'game': 'a'}"):
        claim(lower={"game": "a"})


def test_the_page_has_a_row_for_each_claim():
    claims = [claim(), claim(sentence="Nobody knows.", table="testmessage")]
    text = claims_markdown(examined(claims, {"testchannel": PAIRED}))
    first, second = text.splitlines()[-2:]
    cells = [cell.strip() for cell in first.strip("|").split("|")]
    assert cells[:4] == ["It is.", "seen", "0.200 [0.100, 0.300]", "0"]
    assert cells[5:] == ["3, paired", "testchannel, accuracy, noise 0.5: game a − game b", "someone"]
    assert "Nobody knows." in second and "no row of game a or game b" in second


@pytest.mark.parametrize("file", PRESETS, ids=lambda file: file.name)
def test_what_a_preset_asks_is_about_its_own_runs(file):
    catalogue.register_components()
    config.load([str(file)], [])
    with config.plain_errors():
        grid = build("Reproduction")
    assert len({each.sentence for each in grid.claims}) == len(grid.claims)
    games = {*grid.games, *(f"{game}, vote" for game in grid.games), *(f"{game}, best" for game in grid.best_of)}
    known = {"game": games, "speaker": grid.speakers, "task": grid.tasks, "noise": (0.0, 0.25, 0.5, 0.75)}
    tables = {"training", *grid.tests, *grid.further_tests}
    tables |= {"robustness"} if "testinput" in grid.tests else set()
    tables |= {"transfer", "top5", "by_attribute", "ease_of_learning"} if grid.tasks else set()
    asked = []
    for each in grid.claims:
        if isinstance(each, Correlation):
            asked += [(each.first, [{each.first.by: name} for name in each.names])]
            asked += [(each.second, [{each.second.by: name} for name in each.names])]
        else:
            asked.append((each, [each.higher, each.lower]))
    asked += [(each, [{each.by: name} for name in each.values]) for each in grid.published]
    for each, sides in asked:
        assert each.table in tables
        for side in (*sides, each.where):
            for key, value in side.items():
                assert key not in known or value in known[key], (each.table, side)


def test_chance_alone_is_seldom_seen():
    generator = np.random.default_rng(0)
    found = []
    for _ in range(50):
        values = generator.normal(0.5, 0.1, size=(2, 5)).tolist()
        sides = [rows(game, dict(enumerate(own))) for game, own in zip("ab", values, strict=True)]
        found.append(claim().examine([*sides[0], *sides[1]])["result"])
    # Intervals of 5 seeds hold the truth, that both are the same, in 83 of 100 cases.
    assert 36 <= found.count("not decided here") <= 47
