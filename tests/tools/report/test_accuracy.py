import pytest

from tf_emcom.tools.report.accuracy import of_the_run


def pair(i, noise, value):
    return {"noise": noise, "accuracy": value, "speaker": i, "listener": i}


def test_the_only_pair_stands_for_itself():
    rows = [pair(0, 0.0, 0.9), pair(0, 0.5, 0.4)]
    assert of_the_run(rows, ["noise"], "accuracy") == {"": rows}


def test_lines_that_name_no_pair_stand_for_themselves():
    rows = [{"noise": 0.0, "accuracy": 0.9}]
    assert of_the_run(rows, ["noise"], "accuracy") == {"": rows}


def test_independent_pairs_have_a_mean_worked_by_hand():
    rows = [pair(i, noise, value) for i, value in enumerate((0.2, 0.4, 0.9)) for noise in (0.0,)]
    ((only,),) = of_the_run(rows, ["noise"], "accuracy").values()
    assert (only["accuracy"], only["pairs"]) == (pytest.approx(0.5), 3)
    # Squares of −0.3, −0.1, 0.4 add up to 0.26, over n − 1 = 2.
    assert only["deviation"] == pytest.approx(0.13**0.5)
    assert only["interval"] == pytest.approx([0.5 - 0.13**0.5, 0.5 + 0.13**0.5])


def test_one_undefined_value_makes_the_mean_undefined():
    ((only,),) = of_the_run([pair(0, 0.0, None), pair(1, 0.0, 0.5)], ["noise"], "accuracy").values()
    assert only["accuracy"] is None and only["deviation"] is None


def test_a_population_is_its_average_and_its_vote_and_no_single_speakers():
    average, vote = ({"noise": 0.0, "accuracy": 0.5, "ensemble": name, "speakers": 2} for name in ("average", "vote"))
    rows = [pair(0, 0.0, 0.1), pair(1, 0.0, 0.9), average, {**vote, "speaker": 0}, vote]
    assert of_the_run(rows, ["noise"], "accuracy") == {"average": [average], "vote": [vote]}
