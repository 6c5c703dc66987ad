import base64
import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.evaluation.tests import meanings
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError
from tf_emcom.games.channels import Clear
from tf_emcom.games.lewis import Game
from tf_emcom.games.losses import ListenerContrastive, SpeakerReinforce
from tf_emcom.games.policies import Greedy
from tf_emcom.games.rewards import Success
from tf_emcom.games.tasks import Naming
from tf_emcom.tools.export.example_games import ExampleGames
from tf_emcom.training.populations.independent_pairs import IndependentPairs
from tf_emcom.types import Message

UNKNOWN = 7  # V of the agents of `lewis`
SYMBOLS = 4


def played(path, data=None, learner_cls=meanings.pair, **parameters):
    """The lines of a run's games, and the experiment."""
    experiment, folder = meanings.untrained_run(path, data or meanings.Meanings(), learner_cls)
    ExampleGames(**parameters).run(experiment, folder)
    return meanings.results(folder, "examplegames"), experiment


class Pictured(meanings.Meanings):
    """With images of two colours, and what the labels are called."""

    class_names = ("minus", "plus")

    def __init__(self, side=(8, 8)):
        super().__init__(labels=("label", "attributes"))
        images = np.zeros((60, *side, 3), np.uint8)
        images[:, : side[0] // 2] = np.arange(60)[:, np.newaxis, np.newaxis, np.newaxis] + 100
        self.examples = Examples(self.examples.inputs, {**self.examples.labels, "image": images})


def test_every_game_is_what_the_agents_make_of_its_candidates(tmp_path):
    rows, experiment = played(tmp_path / "run", games=5, candidates=4)
    said, listener = meanings.messages_of(experiment), experiment.learner.listener
    assert len(rows) == 5
    for row in rows:
        assert row["message"] == said[row["candidates"][row["target"]]].tolist()
        # The listener by itself, one candidate after the other.
        heard = listener.represent(Message(tf.constant([row["received"]])))
        inputs = experiment.data.examples.inputs[row["candidates"]]
        scores = [listener.head.scores(heard, tf.constant(each[np.newaxis])).numpy().item() for each in inputs]
        assert row["scores"] == pytest.approx(scores, abs=1e-5)
        powers = np.exp(np.array(scores, np.float64))
        assert row["probabilities"] == pytest.approx(powers / powers.sum(), abs=1e-5)
        assert row["choice"] == int(np.argmax(scores))
        assert row["success"] == int(row["choice"] == row["target"])
        assert len(set(row["candidates"])) == 4
        assert (row["message_length"], row["erased_symbol"], row["step"]) == (SYMBOLS, UNKNOWN, meanings.STEP)


@pytest.mark.parametrize(("noise", "share"), [(0, 0.0), (1, 1.0), (0.25, 0.25)])
def test_the_channel_erases_as_many_symbols_as_it_should(tmp_path, noise, share):
    rows, _ = played(tmp_path / "run", games=200, candidates=2, noise=noise)
    pairs = [pair for row in rows for pair in zip(row["message"], row["received"], strict=True)]
    assert all(received in (sent, UNKNOWN) for sent, received in pairs)
    erased = sum(received == UNKNOWN for _, received in pairs) / len(pairs)
    # 800 symbols: five standard deviations at most.
    assert abs(erased - share) <= 5 * (share * (1 - share) / len(pairs)) ** 0.5


def test_right_ones_stand_everywhere(tmp_path):
    rows, _ = played(tmp_path / "run", games=60, candidates=3)
    counts = np.bincount([row["target"] for row in rows], minlength=3)
    assert counts.min() >= 8


def test_the_same_seed_shows_other_agents_the_same_candidates(tmp_path):
    other = meanings.population(2, 2)
    first, _ = played(tmp_path / "first")
    second, _ = played(tmp_path / "second", learner_cls=other)
    third, _ = played(tmp_path / "third", seed=1)
    shown = [[(row["candidates"], row["target"]) for row in rows] for rows in (first, second, third)]
    assert shown[0] == shown[1] != shown[2]


def test_two_evaluations_agree_to_the_digit(tmp_path):
    assert played(tmp_path / "first")[0] == played(tmp_path / "second")[0]


def test_candidates_are_told_with_their_labels_names_and_pictures(tmp_path):
    data = Pictured()
    rows, _ = played(tmp_path / "run", data, games=2, candidates=3)
    for row in rows:
        for place, example in enumerate(row["candidates"]):
            assert row["labels"]["label"][place] == data.examples.labels["label"][example]
            assert row["labels"]["attributes"][place] == data.examples.labels["attributes"][example].tolist()
            assert row["called"][place] == ("minus", "plus")[row["labels"]["label"][place]]
            picture = tf.io.decode_png(base64.b64decode(row["pictures"][place]))
            np.testing.assert_array_equal(picture, data.examples.labels["image"][example])


def test_large_pictures_are_made_smaller_in_proportion(tmp_path):
    (row,), _ = played(tmp_path / "run", Pictured((192, 384)), games=1, candidates=2)
    picture = tf.io.decode_png(base64.b64decode(row["pictures"][0])).numpy()
    assert picture.shape == (48, 96, 3)
    assert set(np.unique(picture)) == {0, row["candidates"][0] + 100}


def test_without_labels_candidates_have_numbers(tmp_path):
    (row,), _ = played(tmp_path / "run", games=1)
    assert row["called"] == [f"#{example}" for example in row["candidates"]]
    assert "pictures" not in row and row["labels"] == {}
    (row,), _ = played(tmp_path / "other", Pictured(), games=1, labels=["label"])
    assert "pictures" not in row and set(row["labels"]) == {"label"}


def test_games_are_printed(tmp_path, capsys):
    rows, _ = played(tmp_path / "run", games=2, noise=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["said", "arrived", "right", "chosen", "outcome"]
    assert lines[1].split()[:8] == [*map(str, rows[0]["message"]), *"····"]
    for line, row in zip(lines[1:3], rows, strict=True):
        shown = [f"{row[name] + 1} ({row['called'][row[name]]})" for name in ("target", "choice")]
        assert line.split()[8:] == [*" ".join(shown).split(), "success" if row["success"] else "failure"]
    right = sum(row["success"] for row in rows)
    assert lines[3].startswith(f"test split, step {meanings.STEP}, noise 1 (Erasure); {right} of 2 right")


WRONG = {
    "no games": ({"games": 0}, "ExampleGames.games is 0"),
    "one candidate": ({"candidates": 1}, "ExampleGames.candidates is 1"),
    "no probability": ({"noise": 1.5}, "ExampleGames.noise is 1.5"),
    "negative seed": ({"seed": -1}, "ExampleGames.seed is -1"),
    "labels as a text": ({"labels": "label"}, "has to be a list, each element a text"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_played_is_refused(case):
    parameters, sentence = WRONG[case]
    with pytest.raises(UserError, match=sentence):
        ExampleGames(**parameters)


def test_more_candidates_than_examples_are_refused(tmp_path):
    with pytest.raises(UserError, match="ExampleGames.candidates is 61, but the test split has 60 examples"):
        played(tmp_path / "run", candidates=61)


def test_a_naming_game_is_refused(tmp_path):
    game = Game(Clear(), Naming(2), Greedy(), Success(), SpeakerReinforce(), ListenerContrastive())
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings(labels=("label",)), game=game)
    with pytest.raises(UserError, match="the task of this run is Naming; use testnaming"):
        ExampleGames().run(experiment, folder)


def test_agents_of_independent_pairs_name_their_seed(tmp_path):
    independent = functools.partial(IndependentPairs, learner_cls=meanings.pair, seeds=2)
    (row,), experiment = played(tmp_path / "run", learner_cls=independent, games=1)
    assert (row["speaker"], row["listener"], row["training_seed"]) == (0, 0, experiment.learner.seeds()[0])
