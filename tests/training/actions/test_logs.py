"""The mean entropy of a listener's choices in games that were won and lost, against means over these games."""

import numpy as np
import pytest

from tests import lewis
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.runtime.strategies import OneDevice
from tf_emcom.training.actions.action import TrainingState
from tf_emcom.training.actions.logs import Log

# Steps of four games: whether each was won, and the entropy of the listener's choice.
STEPS = [([1, 0, 0, 0], [2.0, 1.0, 1.0, 4.0]), ([1, 1, 1, 0], [1.0, 1.0, 1.0, 3.0])]


def metrics(won, entropy):
    won, entropy = np.array(won, np.float32), np.array(entropy, np.float32)
    parts = {"success": entropy * won, "failure": entropy * (1 - won)}
    return {"accuracy": won.mean(-1), **{f"listener_entropy_{name}": part.mean(-1) for name, part in parts.items()}}


def logged(path, learner, *steps):
    """The line about some steps, each the metrics of one."""
    training = TrainingState(0, 10, learner, RunFolder(str(path)), None, OneDevice(), None)
    training.folder.prepare_results()
    log = Log(len(steps))
    log.begin(training)
    for number, found in enumerate(steps, start=1):
        log.see(training._replace(step=number), found, 1)
    returned = log.act(training._replace(step=len(steps)))
    (row,) = training.folder.read_metrics()
    assert {name: row[name] for name in returned} == returned
    return row


@pytest.fixture(scope="module")
def learner():
    return lewis.make_learner(lewis.nlg, 8)


def test_entropy_is_a_mean_over_the_games_won_and_over_those_lost(learner, tmp_path):
    row = logged(tmp_path, learner, *(metrics(*step) for step in STEPS))
    # Four games of the two steps were won, with entropies 2, 1, 1 and 1, and four lost, with 1, 1, 4 and 3.
    assert row["listener_won_entropy"] == pytest.approx(5 / 4)
    assert row["listener_lost_entropy"] == pytest.approx(9 / 4)
    # Of all eight games, as NEC reports them.
    assert row["listener_entropy_success"] == pytest.approx(5 / 8)
    assert row["listener_entropy_failure"] == pytest.approx(9 / 8)


@pytest.mark.parametrize(("won", "there", "absent"), [(1, "won", "lost"), (0, "lost", "won")])
def test_there_is_no_entropy_of_games_that_nobody_had(learner, tmp_path, won, there, absent):
    row = logged(tmp_path, learner, metrics([won] * 4, [1.0, 2.0, 3.0, 4.0]))
    assert row[f"listener_{there}_entropy"] == pytest.approx(2.5)
    assert f"listener_{absent}_entropy" not in row


def test_of_independent_runs_it_is_the_mean_over_the_games_of_all_of_them(tmp_path):
    together = lewis.make_independent(lewis.nlg, 8, seeds=2)
    row = logged(tmp_path, together, metrics(*map(list, zip(*STEPS, strict=True))))
    assert row["listener_won_entropy"] == pytest.approx(5 / 4)
    assert row["listener_lost_entropy"] == pytest.approx(9 / 4)
    assert row["by_seed"]["listener_entropy_success"] == pytest.approx([2 / 4, 3 / 4])


def test_a_listener_that_does_not_learn_by_reward_has_none(learner, tmp_path):
    row = logged(tmp_path, learner, {"accuracy": np.float32(0.5), "listener_loss": np.float32(1.0)})
    assert not any(name.endswith("_entropy") for name in row)
