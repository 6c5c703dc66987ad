import json

import numpy as np
import pytest

from tests import commands
from tests.evaluation.tests import meanings
from tf_emcom import cli
from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.attributes import ContextIndependence, PositionalDisentanglement
from tf_emcom.evaluation.metrics.edit_distances import MeanEditDistance
from tf_emcom.evaluation.metrics.measures import MessageEntropy, MessageMeasure, Sample
from tf_emcom.evaluation.tests.test_language import TestLanguage

ALONE = ["message_entropy", "unique_messages", "unique_message_share", "mean_edit_distance"]
OF_ATTRIBUTES = ["positional_disentanglement", "bag_of_symbols_disentanglement", "context_independence"]


def measured(tmp_path, data, **settings):
    experiment, folder = meanings.untrained_run(tmp_path / "run", data)
    TestLanguage(**settings).run(experiment, folder)
    return experiment, meanings.results(folder, "testlanguage")


def single(rows, measure):
    (row,) = [row for row in rows if row["measure"] == measure]
    return row


def test_messages_are_measured_by_themselves(tmp_path, capsys):
    experiment, rows = measured(tmp_path, meanings.Meanings())
    messages = meanings.messages_of(experiment)
    assert list(dict.fromkeys(row["measure"] for row in rows)) == [*ALONE, "symbol_entropy", "symbol_use"]
    assert single(rows, "message_entropy") == {
        "mode": "testlanguage",
        "step": meanings.STEP,
        "split": "test",
        "speaker": 0,
        "seed": 42,
        "measure": "message_entropy",
        "value": MessageEntropy()(messages),
        "messages": 60,
        "whole": True,
        "weights": experiment.learner.checksum(),
    }
    assert single(rows, "mean_edit_distance")["value"] == MeanEditDistance()(messages)
    unique = len({tuple(message) for message in messages.tolist()})
    assert single(rows, "unique_messages")["value"] == unique
    assert single(rows, "unique_message_share")["value"] == unique / 60
    printed = capsys.readouterr().out
    assert f"{MessageEntropy()(messages):.4f}" in printed
    assert "without attributes to compare with" in printed


def test_messages_are_compared_pair_by_pair_in_a_sample(tmp_path):
    experiment, rows = measured(tmp_path, meanings.Meanings(), samples=25, seed=5)
    drawn = meanings.messages_of(experiment)[Sample(25, 5).rows(60)]
    row = single(rows, "mean_edit_distance")
    assert (row["value"], row["messages"]) == (MeanEditDistance()(drawn), 25)
    assert single(rows, "unique_messages")["messages"] == 60


@pytest.mark.parametrize(
    ("labels", "used"),
    [(("label", "attributes"), "attributes"), (("attributes", "factors"), "factors"), (("factors",), "factors")],
)
def test_messages_are_measured_against_factors_or_else_attributes(tmp_path, capsys, labels, used):
    experiment, rows = measured(tmp_path, meanings.Meanings(labels=labels))
    found = [row for row in rows if "attributes" in row]
    assert [(row["measure"], row["attributes"], row["messages"]) for row in found] == [
        (measure, used, 60) for measure in OF_ATTRIBUTES
    ]
    messages, attributes = meanings.messages_of(experiment), experiment.data.examples.labels[used]
    assert found[0]["value"] == PositionalDisentanglement()(messages, attributes)
    assert found[2]["value"] == ContextIndependence()(messages, attributes)
    assert f"about {used}" in capsys.readouterr().out


def test_symbols_are_counted_by_position(tmp_path):
    experiment, rows = measured(tmp_path, meanings.Meanings())
    messages = meanings.messages_of(experiment)
    shares = np.zeros((4, 7))
    for row in rows:
        if row["measure"] == "symbol_use":
            assert row["share"] > 0
            shares[row["position"], row["symbol"]] = row["share"]
    for position in range(4):
        for symbol in range(7):
            assert shares[position, symbol] == np.mean(messages[:, position] == symbol)
    entropies = [(row["position"], row["value"]) for row in rows if row["measure"] == "symbol_entropy"]
    expected = [-sum(share * np.log(share) for share in row if share) for row in shares]
    assert entropies == [(position, pytest.approx(value)) for position, value in enumerate(expected)]


def test_symbols_are_drawn_by_position(tmp_path):
    measured(tmp_path, meanings.Meanings())
    assert (tmp_path / "run" / "figures" / "testlanguage.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_undefined_is_null(tmp_path, capsys):
    _, rows = measured(tmp_path, meanings.Meanings(same=True, labels=("attributes",)))
    assert [single(rows, measure)["value"] for measure in OF_ATTRIBUTES] == [None] * 3
    assert [single(rows, measure)["value"] for measure in ALONE] == [0.0, 1.0, 1 / 60, 0.0]
    assert capsys.readouterr().out.count(" undefined ") == 3


class FirstSymbols(MessageMeasure):
    name = "first_symbols"

    def __call__(self, messages):
        return float(len(np.unique(messages[:, 0])))


def test_further_measures_come_after_the_usual_ones_and_each_is_measured_once(tmp_path):
    settings = {"measures": [FirstSymbols(), MessageEntropy()], "attribute_measures": [ContextIndependence()]}
    experiment, rows = measured(tmp_path, meanings.Meanings(labels=("attributes",)), **settings)
    found = [row["measure"] for row in rows if "position" not in row]
    assert found == [*ALONE, "first_symbols", *OF_ATTRIBUTES]
    first = {said[0] for said in meanings.messages_of(experiment).tolist()}
    assert single(rows, "first_symbols")["value"] == len(first)


@pytest.mark.parametrize(
    "bad",
    [
        {"samples": 1},
        {"seed": -1},
        {"measures": "message_entropy"},
        {"measures": [MessageEntropy]},
        {"measures": [ContextIndependence()]},
        {"attribute_measures": [MessageEntropy()]},
        {"split": "tset"},
    ],
    ids=lambda bad: next(iter(bad)),
)
def test_bad_settings_are_refused(tmp_path, bad):
    with pytest.raises(UserError):
        measured(tmp_path, meanings.Meanings(), **bad)


@pytest.mark.processes
def test_another_process_finds_the_same_to_the_byte(tmp_path):
    run = tmp_path / "run"
    cli.run(["gin/nlg_digits.gin"], commands.TINY, str(run))
    before = commands.snapshot(run)
    params = ["TestLanguage.measures=[@MessageEntropy(), @MeanEditDistance()]", "TestLanguage.samples=100"]
    cli.evaluate(str(run), ["testlanguage"], params)
    first = {path: data for path, data in commands.snapshot(run).items() if before.get(path) != data}
    assert set(first) == {"eval/testlanguage.jsonl", "figures/testlanguage.png"}
    again = commands.start("evaluate", f"--workdir={run}", "--mode=testlanguage", params=params)
    assert again.returncode == 0, again.stderr
    assert {path: data for path, data in commands.snapshot(run).items() if before.get(path) != data} == first
    rows = list(map(json.loads, first["eval/testlanguage.jsonl"].splitlines()))
    assert [(row["measure"], row["messages"]) for row in (rows[0], rows[3])] == [
        ("message_entropy", 359),
        ("mean_edit_distance", 100),
    ]
