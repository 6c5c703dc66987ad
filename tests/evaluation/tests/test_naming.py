import functools
import itertools

import numpy as np
import pytest
import scipy.special
import scipy.stats
from matplotlib.image import imread

from tests import lewis
from tests.evaluation.tests import meanings
from tf_emcom.agents.heads.prediction import MultiMlp
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.recurrent import LstmCore
from tf_emcom.agents.speaker import Speaker
from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.success import SuccessRate, design_effect
from tf_emcom.evaluation.tests.test_naming import TestNaming
from tf_emcom.games.channels import Clear
from tf_emcom.games.lewis import Game
from tf_emcom.games.losses import ListenerClassification
from tf_emcom.games.tasks import Naming
from tf_emcom.training.learner import Learner
from tf_emcom.training.optimizers import Adam
from tf_emcom.training.populations.population import Population
from tf_emcom.types import Message

LABELS = "factors"  # two a meaning
NOISES = (0.0, 0.5, 1.0)


def rules():
    lewis_game = lewis.lg_s()
    policy, reward, loss = lewis_game.listener_policy, lewis_game.reward, lewis_game.speaker_loss
    return Game(Clear(), Naming(2, LABELS), policy, reward, loss, ListenerClassification())


def pair(game, features, batch_size, seed):
    return Learner(
        game,
        functools.partial(Speaker, 7, 4, core_cls=functools.partial(LstmCore, 8)),
        functools.partial(
            Listener, 7, core_cls=functools.partial(LstmCore, 9), head_cls=functools.partial(MultiMlp, 2, 2, 8)
        ),
        Adam,
        Adam,
        features,
        batch_size,
        seed,
    )


def naming_run(path, learner_cls=pair, noises=NOISES, **grid):
    data = meanings.Meanings(labels=(LABELS,))
    experiment, folder = meanings.untrained_run(path / "run", data, learner_cls, rules())
    TestNaming(noises, **grid).run(experiment, folder)
    return experiment, folder, meanings.results(folder, "testnaming")


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """Two speakers and three listeners."""
    learner_cls = functools.partial(Population, learner_cls=pair, n_speakers=2, n_listeners=3)
    return naming_run(tmp_path_factory.mktemp("crowd"), learner_cls, passes=3)


def logits(experiment, speaker, listener, silent=False):
    """What the listener thinks of what the speaker says; of messages of UNK alone where all is lost."""
    symbols = experiment.learner.speaker_as(speaker).greedy(experiment.data.examples.inputs).symbols.numpy()
    heard = np.full_like(symbols, 7) if silent else symbols
    return experiment.learner.listener_as(listener).predictions(Message(heard)).numpy()


def labels(experiment):
    return experiment.data.examples.labels[LABELS]


@pytest.mark.slow
@pytest.mark.parametrize(("noise", "silent"), [(0.0, False), (1.0, True)])
def test_accuracy_is_the_share_of_labels_that_each_pair_tells_right(crowd, noise, silent):
    experiment, _, rows = crowd
    found = {(row["speaker"], row["listener"]): row for row in rows if row["noise"] == noise and "ensemble" not in row}
    assert set(found) == set(itertools.product(range(2), range(3)))
    for (speaker, listener), row in found.items():
        right = logits(experiment, speaker, listener, silent).argmax(-1) == labels(experiment)
        assert row["accuracy"] == pytest.approx(right.mean(), abs=1e-9)
        # Without noise one pass says it all; without anything that arrives three passes say the same three times.
        assert row["games"] == right.size * (1 if noise == 0.0 else 3)
        assert row["inputs"] == len(right)
        by_input, labels_of_each = right.sum(axis=1), np.full(len(right), right.shape[1])
        passes = row["games"] // right.size
        effect = float(design_effect(passes * by_input, passes * labels_of_each))
        expected = SuccessRate(passes * right.sum(), row["games"], effect).interval
        assert row["interval"] == pytest.approx(expected, abs=1e-9)
        assert (row["channel"], row["noise"]) == ("Erasure", noise)


def test_listeners_vote_by_their_mean_probability(crowd):
    experiment, _, rows = crowd
    votes = []
    for speaker in range(2):
        total = sum(scipy.special.softmax(logits(experiment, speaker, j), axis=-1) for j in range(3))
        votes.append((total.argmax(-1) == labels(experiment)).mean())
        (row,) = (r for r in rows if (r.get("ensemble"), r.get("speaker"), r["noise"]) == ("vote", speaker, 0.0))
        assert row["accuracy"] == pytest.approx(votes[-1], abs=1e-9)
    (row,) = (r for r in rows if r.get("ensemble") == "vote" and "speaker" not in r and r["noise"] == 0.0)
    assert row["accuracy"] == pytest.approx(np.mean(votes), abs=1e-9)


@pytest.mark.slow
def test_symbols_are_erased_as_often_as_the_noise_says(tmp_path):
    experiment, _, rows = naming_run(tmp_path, noises=(0.3,), passes=200)
    speaker, listener = experiment.learner.speaker_as(0), experiment.learner.listener_as(0)
    symbols = speaker.greedy(experiment.data.examples.inputs).symbols.numpy()
    generator, right = np.random.default_rng(5), []
    for _ in range(200):
        heard = np.where(generator.uniform(size=symbols.shape) < 0.3, 7, symbols)
        right.append((listener.predictions(Message(heard)).numpy().argmax(-1) == labels(experiment)).mean())
    assert rows[0]["games"] == 200 * labels(experiment).size
    spread = scipy.stats.sem(right)
    assert abs(rows[0]["accuracy"] - np.mean(right)) < 6 * spread + 1e-9
    clear = (logits(experiment, 0, 0).argmax(-1) == labels(experiment)).mean()
    assert abs(clear - np.mean(right)) > 6 * spread, "noise must matter, or this test says nothing"


def test_two_evaluations_agree_to_the_digit(crowd):
    experiment, folder, rows = crowd
    TestNaming(NOISES, passes=3).run(experiment, folder)
    assert meanings.results(folder, "testnaming") == rows


def test_the_table_tells_what_guessing_gives(crowd, capsys):
    experiment, folder, _ = crowd
    TestNaming(NOISES, passes=3).run(experiment, folder)
    shares = [np.bincount(column).max() / len(column) for column in labels(experiment).T]
    out = capsys.readouterr().out
    assert f"Erasure; always answering the most frequent class in training gives {np.mean(shares):.3f}" in out
    assert [line.split()[0] for line in out.splitlines()[:3]] == ["ensemble", "average", "vote"]
    assert imread(folder.figure("testnaming")).std() > 0


def test_a_game_without_labels_is_refused(tmp_path):
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings())
    with pytest.raises(UserError, match="the task of this run is Discrimination; use testchannel"):
        TestNaming().run(experiment, folder)
