"""What the tests of trained agents report about several of them."""

import functools
import itertools

import numpy as np
import pytest
from matplotlib.image import imread

from tests import lewis
from tests.evaluation.tests import meanings
from tf_emcom.errors import UserError
from tf_emcom.evaluation.evaluator import Condition, Evaluator
from tf_emcom.evaluation.metrics.edit_distances import EditDistanceBetweenSpeakers
from tf_emcom.evaluation.metrics.measures import MessageEntropy
from tf_emcom.evaluation.metrics.similarity import TopographicSimilarity
from tf_emcom.evaluation.metrics.success import SuccessRate
from tf_emcom.evaluation.tests.accuracy_test import TestChannel, TestInput
from tf_emcom.evaluation.tests.test_language import TestLanguage, TestTopsim
from tf_emcom.evaluation.tests.test_message import TestMessage
from tf_emcom.games.channels import Clear
from tf_emcom.games.lewis import Game
from tf_emcom.games.losses import ListenerClassification
from tf_emcom.games.tasks import Naming
from tf_emcom.tools.reproduce.grid import Cell
from tf_emcom.tools.reproduce.measured import over_seeds, results
from tf_emcom.training.populations.independent_pairs import IndependentPairs

GRID = {"candidates": (4, 16), "passes": 2}
MODES = [
    TestChannel(noises=(0.0, 0.5), **GRID),
    TestInput(noises=(0.0, 0.5), coefficients=(0.5,), **GRID),
    TestMessage(erased=(0, 1), **GRID),
    TestTopsim(samples=20, passes=2),
    TestLanguage(),
]


def all_tested(path, learner_cls):
    """An experiment, and its run's folder with the results of all modes."""
    experiment, folder = meanings.untrained_run(path, meanings.Meanings(labels=("attributes",)), learner_cls)
    for mode in MODES:
        mode.run(experiment, folder)
    return experiment, folder


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """Two speakers and three listeners."""
    return all_tested(tmp_path_factory.mktemp("crowd") / "run", meanings.population(2, 3))


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """Three independent pairs."""
    independent = functools.partial(IndependentPairs, learner_cls=meanings.pair, seeds=3)
    return all_tested(tmp_path_factory.mktemp("seeds") / "run", independent)


def of(rows, **labels):
    return [row for row in rows if all(row.get(name) == value for name, value in labels.items())]


def spoken(experiment):
    inputs = experiment.data.examples.inputs
    speakers = range(experiment.learner.speakers)
    return [experiment.learner.speaker_as(i).greedy(inputs).symbols.numpy() for i in speakers]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["testchannel", "testinput", "testmessage"])
def test_there_is_a_row_for_each_pair_the_average_each_vote_and_the_mean_vote(crowd, mode):
    rows = meanings.results(crowd[1], mode)
    kinds = [(row.get("ensemble"), row.get("speaker"), row.get("listener")) for row in rows]
    pairs = [(None, *pair) for pair in itertools.product(range(2), range(3))]
    expected = [*pairs, ("average", None, None), ("vote", 0, None), ("vote", 1, None), ("vote", None, None)]
    assert list(dict.fromkeys(kinds)) == expected
    assert all(kinds.count(kind) == 4 for kind in expected)


@pytest.mark.slow
def test_pairs_average_and_votes_are_those_of_the_evaluator(crowd):
    experiment, folder = crowd
    rows = of(meanings.results(folder, "testchannel"), noise=0.5)
    conditions = [Condition(noise) for noise in (0.0, 0.5)]
    evaluator = Evaluator(experiment.learner, experiment.data.examples.inputs, False)
    wins = evaluator.successes((4, 16), conditions, 2, 42, "test")
    for place, (count, games) in enumerate(zip((4, 16), wins.games.tolist(), strict=True)):
        found = of(rows, candidates=count)
        pairs, votes = wins.pairs[:, place, 1] / games, wins.votes[:, place, 1] / games
        assert [row["accuracy"] for row in found[:6]] == pairs.tolist()
        average, *by_speaker, vote = found[6:]
        assert average["accuracy"] == pytest.approx(pairs.mean(), abs=1e-12)
        assert average["deviation"] == pytest.approx(pairs.std(ddof=1), abs=1e-12)
        assert [row["accuracy"] for row in by_speaker] == votes.tolist()
        assert vote["accuracy"] == pytest.approx(votes.mean(), abs=1e-12)
        assert {(row["games"], row["seed"]) for row in found} == {(games, 42)}
        assert (average["speakers"], average["listeners"], by_speaker[0]["listeners"]) == (2, 3, 3)


def test_the_interval_of_an_average_is_no_narrower_than_that_of_its_games(crowd):
    for row in of(meanings.results(crowd[1], "testchannel"), ensemble="average"):
        low, high = row["interval"]
        narrow = SuccessRate(row["accuracy"] * row["games"], row["games"]).interval
        assert low <= narrow[0] + 1e-12 and narrow[1] - 1e-12 <= high
        # Two passes over the same inputs.
        assert row["inputs"] < row["games"]


def test_the_accuracy_lost_with_each_position_is_told_of_pairs_and_ensembles(crowd):
    rows = meanings.results(crowd[1], "testmessage")
    for one in of(rows, erased=1):
        (intact,) = [
            row
            for row in of(rows, erased=0, candidates=one["candidates"])
            if all(row.get(key) == one.get(key) for key in ("ensemble", "speaker", "listener"))
        ]
        assert one["accuracy_lost"] == pytest.approx([intact["accuracy"] - a for a in one["accuracies"]])
        assert one["accuracy"] == pytest.approx(np.mean(one["accuracies"]), abs=1e-12)


@pytest.mark.slow
def test_the_table_of_a_population_tells_average_and_vote(crowd, tmp_path, capsys):
    TestChannel(noises=(0.0, 0.5), checkpoint=crowd[1].path, **GRID).run(crowd[0], type(crowd[1])(str(tmp_path)))
    head, *lines, last = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["candidates", "ensemble"]
    rows = meanings.results(crowd[1], "testchannel")
    for line, (ensemble, count) in zip(lines, itertools.product(("average", "vote"), (4, 16)), strict=True):
        cells = of(rows, ensemble=ensemble, candidates=count, speaker=None)
        assert line.split() == [str(count), ensemble, *(f"{row['accuracy']:.3f}" for row in cells)]
    assert "2 speakers with 3 listeners" in last
    assert imread(tmp_path / "figures" / "testchannel.png").shape[0] > 300


def test_topographic_similarity_is_told_of_each_speaker_and_in_the_mean(crowd):
    experiment, folder = crowd
    rows = meanings.results(folder, "testtopsim")
    assert [(row["meaning"], row.get("speaker"), row.get("ensemble")) for row in rows] == [
        *[(meaning, speaker, None) for speaker in range(2) for meaning in ("inputs", "attributes")],
        *[(meaning, None, "average") for meaning in ("inputs", "attributes")],
    ]
    values = [row["topsim"] for row in of(rows, meaning="inputs")]
    assert values[0] != values[1]
    assert values[2] == pytest.approx(np.mean(values[:2]), abs=1e-12)
    assert rows[4]["deviation"] == pytest.approx(np.std(values[:2], ddof=1), abs=1e-12)
    assert rows[4]["speakers"] == 2


def test_a_small_split_gives_each_speakers_own_similarity(crowd, tmp_path):
    experiment, folder = crowd
    TestTopsim(checkpoint=folder.path).run(experiment, type(folder)(str(tmp_path)))
    found = of(meanings.results(type(folder)(str(tmp_path)), "testtopsim"), meaning="inputs", ensemble=None)
    inputs = experiment.data.examples.inputs
    expected = [TopographicSimilarity()(messages, inputs) for messages in spoken(experiment)]
    assert [row["topsim"] for row in found] == pytest.approx(expected, abs=1e-12)


def test_language_is_measured_of_each_speaker_in_the_mean_and_between_speakers(crowd, tmp_path, capsys):
    experiment, folder = crowd
    TestLanguage(checkpoint=folder.path).run(experiment, type(folder)(str(tmp_path)))
    rows = meanings.results(folder, "testlanguage")
    messages = spoken(experiment)
    first, second, mean = of(rows, measure="message_entropy")
    assert [first["value"], second["value"]] == [MessageEntropy()(said) for said in messages]
    assert (first["speaker"], second["speaker"], mean["ensemble"], mean["speakers"]) == (0, 1, "average", 2)
    assert mean["value"] == pytest.approx((first["value"] + second["value"]) / 2, abs=1e-12)
    between, average = of(rows, measure="edit_distance_between_speakers")
    assert (between["speaker"], between["other_speaker"], between["messages"]) == (0, 1, 60)
    assert between["value"] == average["value"] == EditDistanceBetweenSpeakers()(*messages) > 0
    assert (average["ensemble"], average["pairs"], average["deviation"]) == ("average", 1, None)
    assert {row["speaker"] for row in of(rows, measure="symbol_use")} == {0, 1}
    printed = capsys.readouterr().out
    assert "edit_distance_between_speakers" in printed and f"{mean['value']:.4f}" in printed
    assert "of 2 speakers" in printed


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["testchannel", "testinput", "testmessage", "testtopsim", "testlanguage"])
def test_independent_pairs_have_rows_of_their_own_with_the_seed_of_their_training(seeds, mode):
    rows = meanings.results(seeds[1], mode)
    assert {row["training_seed"] - row["speaker"] for row in rows} == {seeds[0].seed}
    assert {row["speaker"] for row in rows} == {0, 1, 2}
    assert not any("ensemble" in row or "other_speaker" in row for row in rows)
    assert all(row.get("listener", row["speaker"]) == row["speaker"] for row in rows)


@pytest.mark.slow
def test_an_independent_pair_is_tested_as_the_run_of_its_seed(seeds, tmp_path):
    data = meanings.Meanings(labels=("attributes",))
    alone, folder = meanings.untrained_run(
        tmp_path / "run", data, lambda game, features, batch_size, seed: meanings.pair(game, features, batch_size, 2)
    )
    own = ("speaker", "listener", "training_seed", "weights")
    for mode in MODES:
        mode.run(alone, folder)
        name = type(mode).__name__.lower()
        expected = [{k: v for k, v in row.items() if k not in own} for row in meanings.results(folder, name)]
        found = of(meanings.results(seeds[1], name), training_seed=2)
        assert [{k: v for k, v in row.items() if k not in own} for row in found] == expected


def test_the_table_of_independent_pairs_tells_mean_and_deviation(seeds, tmp_path, capsys):
    TestChannel(noises=(0.0, 0.5), checkpoint=seeds[1].path, **GRID).run(seeds[0], type(seeds[1])(str(tmp_path)))
    _, *lines, last = capsys.readouterr().out.splitlines()
    rows = meanings.results(seeds[1], "testchannel")
    for line, count in zip(lines, (4, 16), strict=True):
        cells = [[row["accuracy"] for row in of(rows, candidates=count, noise=noise)] for noise in (0.0, 0.5)]
        shown = [f"{np.mean(cell):.3f} ± {np.std(cell, ddof=1):.3f}" for cell in cells]
        assert line.split() == [str(count), *" ".join(shown).split()]
    assert "mean ± standard deviation (n − 1) of 3 independent pairs" in last


def test_a_grids_tables_take_the_averages_of_populations_and_every_independent_pair(crowd, seeds, tmp_path):
    for name, (_, folder) in (("crowd-0", crowd), ("seeds-0", seeds)):
        (tmp_path / name).symlink_to(folder.path)
    cells = [Cell(f"{game}-0", {"game": game, "seed": 0}, ()) for game in ("crowd", "seeds")]
    rows = over_seeds(results(str(tmp_path), cells, "testchannel"), ("candidates", "game", "noise"), "accuracy")
    found = {(row["game"], row["candidates"], row["noise"]): row for row in rows}
    average = of(meanings.results(crowd[1], "testchannel"), ensemble="average", candidates=4, noise=0.5)
    assert found["crowd", 4, 0.5]["mean"] == average[0]["accuracy"]
    assert (found["crowd", 4, 0.5]["seeds"], found["seeds", 4, 0.5]["seeds"]) == (1, 3)
    others = {"testtopsim": (("game", "meaning"), "topsim"), "testlanguage": (("game", "measure"), "value")}
    for test, (keys, value) in others.items():
        lines = [row for row in results(str(tmp_path), cells, test) if "position" not in row]
        assert {row["game"]: row["seeds"] for row in over_seeds(lines, keys, value)}["seeds"] == 3


def test_a_listener_that_does_not_choose_among_inputs_is_told(tmp_path):
    rules = lewis.lg_s()
    game = Game(
        Clear(), Naming(2), rules.listener_policy, rules.reward, rules.speaker_loss, ListenerClassification()
    )
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings(), game=game)
    with pytest.raises(UserError, match="the task of this run is Naming; use testnaming, testtopsim or testlanguage"):
        TestChannel(**GRID).run(experiment, folder)
