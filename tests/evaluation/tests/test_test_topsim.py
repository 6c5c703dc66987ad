import itertools
import json

import numpy as np
import pytest
import scipy.stats

from tests import commands
from tests.evaluation.tests import meanings
from tf_emcom import cli
from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.distances import EuclideanDistance, HammingDistance
from tf_emcom.evaluation.metrics.edit_distances import EditDistance
from tf_emcom.evaluation.metrics.measures import Sample
from tf_emcom.evaluation.metrics.similarity import TopographicSimilarity
from tf_emcom.evaluation.tests.test_language import TestTopsim


def measured(tmp_path, data, **settings):
    experiment, folder = meanings.untrained_run(tmp_path / "run", data)
    TestTopsim(**settings).run(experiment, folder)
    return experiment, meanings.results(folder, "testtopsim")


def test_a_small_split_is_compared_as_a_whole_in_one_pass(tmp_path, capsys):
    experiment, (row,) = measured(tmp_path, meanings.Meanings())
    expected = TopographicSimilarity()(meanings.messages_of(experiment), experiment.data.examples.inputs)
    assert row == {
        "mode": "testtopsim",
        "step": meanings.STEP,
        "split": "test",
        "meaning": "inputs",
        "distance": "cosine",
        "topsim": pytest.approx(expected, abs=1e-12),
        "deviation": None,
        "messages": 60,
        "passes": 1,
        "speaker": 0,
        "seed": 42,
        "whole": True,
        "weights": experiment.learner.checksum(),
    }
    printed = capsys.readouterr().out
    assert f"{expected:.4f}" in printed
    assert "step 3; 1 pass over 60 of 60 messages" in printed


def test_mean_and_deviation_are_those_of_the_passes(tmp_path):
    experiment, (row,) = measured(tmp_path, meanings.Meanings(), samples=20, passes=4, seed=7)
    messages, inputs = meanings.messages_of(experiment), experiment.data.examples.inputs
    draws = [Sample(20, 7).rows(60, draw) for draw in range(4)]
    found = [TopographicSimilarity()(messages[rows], inputs[rows]) for rows in draws]
    assert len(set(found)) == 4
    assert row["topsim"] == pytest.approx(np.mean(found), abs=1e-12)
    assert row["deviation"] == pytest.approx(np.std(found, ddof=1), abs=1e-12)
    assert (row["messages"], row["passes"], row["seed"]) == (20, 4, 7)


def test_attributes_have_a_row_where_the_data_set_has_them(tmp_path):
    experiment, rows = measured(tmp_path, meanings.Meanings(labels=("label", "attributes", "factors")))
    assert [(row["meaning"], row["distance"]) for row in rows] == [("inputs", "cosine"), ("attributes", "hamming")]
    attributes = experiment.data.examples.labels["attributes"]
    expected = TopographicSimilarity(HammingDistance())(meanings.messages_of(experiment), attributes)
    assert rows[1]["topsim"] == pytest.approx(expected, abs=1e-12)


def test_classes_have_a_row_where_their_label_is_named(tmp_path):
    data = meanings.Meanings(labels=("label", "attributes"))
    experiment, rows = measured(tmp_path, data, label="label")
    assert [row["meaning"] for row in rows] == ["inputs", "attributes", "class"]
    classes, messages = data.examples.labels["label"], meanings.messages_of(experiment)
    # Of every two: whether their classes differ, and how many symbols have to be changed at least.
    pairs = list(itertools.combinations(range(60), 2))
    apart = [classes[i] != classes[j] for i, j in pairs]
    edits = [EditDistance()(messages[[i, j]])[0] for i, j in pairs]
    assert 0 < np.mean(apart) < 1
    assert rows[2]["topsim"] == pytest.approx(scipy.stats.spearmanr(edits, apart).correlation, abs=1e-9)


def test_a_label_that_the_data_set_lacks_is_refused(tmp_path):
    with pytest.raises(UserError, match="no label 'kind'"):
        measured(tmp_path, meanings.Meanings(), label="kind")


def test_distances_may_be_others(tmp_path):
    experiment, rows = measured(tmp_path, meanings.Meanings(), distance=EuclideanDistance())
    expected = TopographicSimilarity(EuclideanDistance())(
        meanings.messages_of(experiment), experiment.data.examples.inputs
    )
    assert rows[0]["distance"] == "euclidean"
    assert rows[0]["topsim"] == pytest.approx(expected, abs=1e-12)


def test_similarity_of_one_message_for_all_is_told_as_undefined(tmp_path, capsys):
    _, rows = measured(tmp_path, meanings.Meanings(same=True, labels=("attributes",)))
    assert [(row["topsim"], row["deviation"]) for row in rows] == [(None, None)] * 2
    assert capsys.readouterr().out.count("undefined") == 4


def test_the_tested_run_may_be_another_than_that_of_the_results(tmp_path):
    experiment, source = meanings.untrained_run(tmp_path / "source", meanings.Meanings())
    folder = type(source)(str(tmp_path / "results"))
    TestTopsim(checkpoint=source.path).run(experiment, folder)
    assert meanings.results(folder, "testtopsim")[0]["step"] == meanings.STEP


def test_fewer_than_ten_examples_are_refused(tmp_path):
    with pytest.raises(UserError, match="has 9 examples"):
        measured(tmp_path, meanings.Meanings(9))


@pytest.mark.parametrize(
    "bad", [{"samples": 9}, {"passes": 0}, {"seed": -1}, {"distance": "cosine"}, {"split": "tset"}], ids=str
)
def test_bad_settings_are_refused(tmp_path, bad):
    with pytest.raises(UserError):
        measured(tmp_path, meanings.Meanings(), **bad)


@pytest.mark.processes
def test_another_process_finds_the_same_to_the_byte(tmp_path):
    run = tmp_path / "run"
    cli.run(["gin/nlg_digits.gin"], commands.TINY, str(run))
    params = ["TestTopsim.samples=100", "TestTopsim.passes=2", "TestTopsim.distance=@EuclideanDistance()"]
    cli.evaluate(str(run), ["testtopsim"], params)
    first = (run / "eval" / "testtopsim.jsonl").read_bytes()
    again = commands.start("evaluate", f"--workdir={run}", "--mode=testtopsim", params=params)
    assert again.returncode == 0, again.stderr
    assert (run / "eval" / "testtopsim.jsonl").read_bytes() == first
    (row,) = map(json.loads, first.splitlines())
    assert (row["meaning"], row["distance"], row["messages"], row["passes"]) == ("inputs", "euclidean", 100, 2)
