"""The papers' numbers beside those of a grid."""

import pytest

from tf_emcom.errors import UserError
from tf_emcom.tools.reproduce.published import Published, published_markdown

ROWS = [
    {"game": game, "seed": seed, "candidates": 1024, "noise": noise, "accuracy": value - noise}
    for game, values in (("pair", (0.8, 0.9, 1.0)), ("best", (0.95,)))
    for seed, value in enumerate(values)
    for noise in (0.0, 0.5)
]


def published(**given):
    shared = {"source": "EaS, table 2", "table": "testchannel", "where": {"candidates": 1024, "noise": 0.0}}
    return Published(**{**shared, "values": {"pair": (0.89, 0.0048), "best": (0.9073,), "n50": (0.9,)}, **given})


def test_every_number_has_ours_beside_it():
    pair, best, missing = published().beside(ROWS)
    assert (pair["published"], pair["published_error"], pair["seeds"]) == (0.89, 0.0048, 3)
    assert (pair["mean"], pair["difference"]) == (pytest.approx(0.9), pytest.approx(0.01))
    assert pair["standard_error"] == pytest.approx(0.1 / 3**0.5)
    assert (best["published_error"], best["standard_error"], best["seeds"]) == (None, None, 1)
    assert best["difference"] == pytest.approx(0.0427)
    assert (missing["name"], missing["published"], missing["mean"], missing["difference"]) == ("n50", 0.9, None, None)
    assert pair["where"] == "candidates 1024, noise 0.0"


def test_the_page_shows_errors_and_leaves_empty_what_was_not_run():
    text = published_markdown(published().beside(ROWS))
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[-3:]]
    where = "testchannel, accuracy, candidates 1024, noise 0.0"
    assert lines == [
        ["pair", where, "0.8900 ± 0.0048", "0.9000 ± 0.0577", "+0.0100", "3", "EaS, table 2"],
        ["best", where, "0.9073", "0.9500", "+0.0427", "1", "EaS, table 2"],
        ["n50", where, "0.9000", "", "", "0", "EaS, table 2"],
    ]
    loss = Published("EaS", "transfer", {"c16": (2448, 16)}, measure="loss", by="speaker").beside([])
    assert "| 2448 ± 16 |" in published_markdown(loss)


def test_several_values_of_one_seed_are_refused():
    with pytest.raises(UserError, match="EaS, table 2, the table testchannel has more than one accuracy of seed 0"):
        published(where={"candidates": 1024}).beside(ROWS)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [({}, "values is empty"), ({"a": ()}, "or the value alone"), ({"a": (1, 2, 3)}, "or the value alone")],
    ids=str,
)
def test_what_is_no_number_with_its_error_is_refused(values, sentence):
    with pytest.raises(UserError, match=sentence):
        published(values=values)
