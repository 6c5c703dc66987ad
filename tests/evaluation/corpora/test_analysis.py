import functools
import json
import tracemalloc

import numpy as np
import pytest

from tests.evaluation.tests import meanings
from tf_emcom.errors import UserError
from tf_emcom.evaluation.corpora.analysis import analyse
from tf_emcom.evaluation.corpora.language import Language
from tf_emcom.evaluation.metrics.edit_distances import MeanEditDistance
from tf_emcom.evaluation.metrics.success import SuccessRate
from tf_emcom.evaluation.tests.accuracy_test import TestChannel
from tf_emcom.evaluation.tests.test_language import TestLanguage, TestTopsim
from tf_emcom.tools.export.messages import Messages
from tf_emcom.training.populations.independent_pairs import IndependentPairs

POPULATION = meanings.population(2, 3)
INDEPENDENT = functools.partial(IndependentPairs, learner_cls=meanings.pair, seeds=3)


def lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def without(row, *names):
    return {name: value for name, value in row.items() if name not in names}


@pytest.mark.parametrize(
    ("learner_cls", "labels"),
    [(meanings.pair, ("attributes",)), (POPULATION, ("attributes", "factors")), (INDEPENDENT, ())],
    ids=["pair", "population", "seeds"],
)
def test_it_finds_what_the_tests_of_the_run_find_to_the_digit(tmp_path, learner_cls, labels, capsys):
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings(labels=labels), learner_cls)
    TestLanguage(samples=25, seed=5).run(experiment, folder)
    TestTopsim(seed=5).run(experiment, folder)
    tables = capsys.readouterr().out
    Messages(candidates=7, seed=9).run(experiment, folder)
    path = f"{folder.path}/corpora/test"
    assert analyse(path, samples=25, seed=5) == f"{path}/analysis.jsonl"
    rows = lines(f"{path}/analysis.jsonl")
    language = [without(row, "mode", "weights") for row in rows if row.get("measure", "accuracy") != "accuracy"]
    assert language == [without(row, "mode", "weights") for row in meanings.results(folder, "testlanguage")]
    similar = [without(row, "mode", "weights") for row in rows if "meaning" in row]
    expected = [row for row in meanings.results(folder, "testtopsim") if row["meaning"] == "attributes"]
    assert similar == [without(row, "mode", "weights") for row in expected]
    printed = capsys.readouterr().out
    language_table = tables[: tables.index("entropy by position")]
    assert language_table in printed
    assert "accuracy 0." in printed and "7 candidates, noise 0" in printed


def test_every_format_gives_the_same(tmp_path):
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings(), meanings.population(2, 1))
    found = []
    for form in ("parquet", "jsonl", "numpy"):
        Messages(formats=[form], out=str(tmp_path / "c")).run(experiment, folder)
        rows = lines(analyse(str(tmp_path / "c"), samples=25))
        found.append([row for row in rows if row["measure"] != "accuracy"])
    assert len(found[0]) > 10 and found[0] == found[1] == found[2]


def test_accuracy_is_that_of_the_channel_test_for_each_pair(tmp_path):
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings(), POPULATION)
    TestChannel(candidates=(20,), noises=(0.0,), passes=1).run(experiment, folder)
    Messages(candidates=20, listeners=[0, 1, 2]).run(experiment, folder)
    rows = [row for row in lines(analyse(f"{folder.path}/corpora/test")) if row["measure"] == "accuracy"]
    channel = [row for row in meanings.results(folder, "testchannel") if "ensemble" not in row]
    names = ("speaker", "listener", "noise", "candidates", "interval")
    assert [(row["value"], *(row[name] for name in names)) for row in rows[:-1]] == [
        (row["accuracy"], *(row[name] for name in names)) for row in channel
    ]
    mean = rows[-1]
    assert (mean["ensemble"], mean["pairs"]) == ("average", 6)
    assert mean["value"] == pytest.approx(np.mean([row["accuracy"] for row in channel]))
    first = rows[0]
    assert first["interval"] == pytest.approx(SuccessRate(round(first["value"] * 60), 60).interval, abs=1e-12)
    assert (first["inputs"], first["channel"]) == (60, "Erasure")


def test_lines_from_elsewhere_are_measured(tmp_path, capsys):
    messages = np.random.default_rng(0).integers(0, 9, (30, 4))
    path = tmp_path / "other.jsonl"
    path.write_text("".join(f"{row}\n" for row in messages.tolist()))
    assert analyse(str(path)) == str(tmp_path / "other.analysis.jsonl")
    rows = lines(tmp_path / "other.analysis.jsonl")
    expected = Language().of({0: messages}, {}, 9, {0: {}}).rows
    assert rows == [{"mode": "analysis", **row} for row in expected]
    assert "30 messages of 4 symbols out of 9;" in capsys.readouterr().out


def test_messages_of_different_lengths_are_filled_up_with_one_more_symbol(tmp_path, capsys):
    (tmp_path / "other.jsonl").write_text("[0, 1, 2]\n[1]\n[]\n")
    rows = lines(analyse(str(tmp_path / "other.jsonl")))
    (row,) = [row for row in rows if row["measure"] == "mean_edit_distance"]
    assert row["value"] == MeanEditDistance()(np.array([[0, 1, 2], [1, 3, 3], [3, 3, 3]]))
    assert "at most 3 symbols out of 3; 2 that are shorter were filled up with one more symbol, 3" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("largest", [9_999_999, 2**63 - 1])
def test_the_ids_of_symbols_may_be_any_numbers_and_cost_nothing(tmp_path, largest, capsys):
    rng = np.random.default_rng(0)
    dense = rng.integers(0, 50, (400, 6))
    ids = np.sort(np.concatenate([rng.choice(9_999_998, 49, replace=False), [largest]]))
    for name, messages in (("dense", dense), ("sparse", ids[dense])):
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{row}\n" for row in messages.tolist()))
    expected = lines(analyse(str(tmp_path / "dense.jsonl")))
    tracemalloc.start()
    found = lines(analyse(str(tmp_path / "sparse.jsonl")))
    assert tracemalloc.get_traced_memory()[1] < 200e6
    tracemalloc.stop()
    assert found == [{**row, "symbol": ids[row["symbol"]]} if "symbol" in row else row for row in expected]
    assert capsys.readouterr().out.count("400 messages of 6 symbols out of 50;") == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "no message with a symbol"), ("[]\n[]\n", "no message with a symbol"), ("[1, -2]\n", "has the symbol -2")]
    + [("[1, 2.5]\n", "Line 1 of"), ("[1, 9223372036854775808]\n", "Line 1 of")],
)
def test_lines_that_cannot_be_measured_are_refused(tmp_path, text, sentence):
    (tmp_path / "other.jsonl").write_text(text)
    with pytest.raises(UserError, match=sentence):
        analyse(str(tmp_path / "other.jsonl"))
    assert [path.name for path in tmp_path.iterdir()] == ["other.jsonl"]


def test_a_corpus_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UserError, match="There is no corpus in .* write one with tf-emcom messages"):
        analyse(str(tmp_path / "none"))
    with pytest.raises(UserError, match="cannot be read"):
        analyse(str(tmp_path / "none.jsonl"))
