import functools

import numpy as np
import pytest
import tensorflow as tf

from tests import event_files, lewis
from tf_emcom.agents.heads.listener import NormMergePolicyValue
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.recurrent import LstmCore
from tf_emcom.agents.speaker import Speaker
from tf_emcom.data.generated import Digits
from tf_emcom.errors import UserError
from tf_emcom.files import read_json_lines
from tf_emcom.plots import draw_games
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.runtime.strategies import OneDevice
from tf_emcom.training.actions.action import Action, AgentAction, TrainingState
from tf_emcom.training.actions.checkpoint import Checkpoint
from tf_emcom.training.actions.logs import Log
from tf_emcom.training.actions.showcase import Showcase
from tf_emcom.training.actions.tensor_board import TensorBoard
from tf_emcom.training.experiment import Experiment
from tf_emcom.training.learner import Learner
from tf_emcom.training.optimizers import Adam
from tf_emcom.training.train import Train

CONFIG = "batch_size = 16\n\nsteps = 8\n"
V, T, EXAMPLES, GAMES = 7, 4, 40, 5
LOOKS = (3, 6, 8)


class StopAfter(Action):
    """What a kill looks like from outside: nothing after a step is saved."""

    def __init__(self, step):
        self.step = step

    def see(self, training, sums, steps):
        if training.step >= self.step:
            raise KeyboardInterrupt


def pair(game, features, batch_size, seed):
    core, adam = functools.partial(LstmCore, 8), functools.partial(Adam, learning_rate=1e-2)
    return Learner(
        game,
        functools.partial(Speaker, V, T, core_cls=core),
        functools.partial(Listener, V, core, functools.partial(NormMergePolicyValue, 6)),
        *(adam, adam, features, batch_size, seed),
    )


class Remarked(AgentAction):
    """A change that finds the step worth noting."""

    def act(self, training):
        return {"imitation_loss": training.step / 4}


def train(path, others=()):
    """Eight steps, logged at 2, 4, 6 and 8, looked at after 3, 6 and 8, saved after 4 and 8; returns the experiment."""
    experiment = Experiment(OneDevice(), lewis.nlg(), Digits(), pair, batch_size=16, steps=8)
    folder = RunFolder(str(path))
    folder.lock()
    folder.write_config(CONFIG)
    board = TensorBoard(3, Digits(), EXAMPLES, GAMES)
    Train([Log(2), board, Checkpoint(4), *others], changes=[Remarked(3)]).run(experiment, folder)
    return experiment


def by_hand(path, data, chief=True):
    """What Train does with a TensorBoard, for one line and one look, without a step being trained."""
    distribution = OneDevice()
    distribution.is_chief = chief
    learner = lewis.make_learner(lewis.nlg, 8)
    training = TrainingState(0, 1, learner, RunFolder(str(path)), None, distribution, None)
    board = TensorBoard(1, data, EXAMPLES, GAMES)
    board.begin(training)
    training = training._replace(step=1)
    board.see(training, {"accuracy": np.float32(0.5)}, 1)
    board.note(training, {"accuracy": 0.5}, Log(1))
    board.act(training)
    board.finish(training)


def rows(path):
    return read_json_lines(str(path / "metrics.jsonl"), "")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("run")
    experiment = train(path)
    return path, experiment, event_files.read(path / "tensorboard")


@pytest.mark.slow
def test_curves_are_the_lines_of_metrics_jsonl_in_groups(run):
    path, _, _ = run
    curves = event_files.scalars(path / "tensorboard")
    names = {name for row in rows(path) for name in row} - {"step"}
    by_name = {tag.replace("er/", "er_").split("/")[-1]: tag for tag in curves}
    assert by_name.keys() == names
    assert {"game/accuracy", "game/reward", "game/message_length", "game/noise", "game/loss"} <= curves.keys()
    assert {"speaker/policy_loss", "listener/value_loss", "speed/games_per_second"} <= curves.keys()
    assert {tag.split("/")[0] for tag in curves} == {"game", "speaker", "listener", "speed", "changes"}
    for name, tag in by_name.items():
        lines = {row["step"]: row[name] for row in rows(path) if name in row}
        assert curves[tag] == pytest.approx(lines, rel=1e-6), tag


def test_what_changes_find_worth_noting_is_written_with_the_next_line(run):
    assert event_files.scalars(run[0] / "tensorboard")["changes/imitation_loss"] == {4: 0.75, 6: 1.5}


def test_configuration_is_there_as_text(run):
    ((step, text),) = run[2]["config"]
    assert step == 0
    first, _, others = text.item().decode().partition("\n")
    assert first.startswith("    # checksum: ") and others == "    batch_size = 16\n    \n    steps = 8"


def test_histograms_count_the_symbols_at_each_position_of_held_out_messages(run):
    _, experiment, events = run
    showcase = Showcase(experiment.learner, Digits().load("valid"), EXAMPLES, GAMES)
    symbols = experiment.learner.speaker.greedy(Digits().load("valid").inputs[showcase.rows]).symbols.numpy()
    assert symbols.shape == (EXAMPLES, T)
    for position in range(T):
        points = events[f"messages/symbol_{position + 1}"]
        assert [step for step, _ in points] == [*LOOKS]
        expected = np.histogram(symbols[:, position], bins=np.arange(V + 1) - 0.5)[0]
        np.testing.assert_array_equal(points[-1][1][:, 2], expected)
        np.testing.assert_array_equal(points[-1][1][:, :2], [[s - 0.5, s + 0.5] for s in range(V)])
    lengths = events["messages/length"][-1][1]
    np.testing.assert_array_equal(lengths[:, 2], [0, 0, 0, 0, EXAMPLES])


def test_games_are_shown_in_words_and_pictures(run):
    _, experiment, events = run
    showcase = Showcase(experiment.learner, Digits().load("valid"), EXAMPLES, GAMES)
    shown = showcase.games(8, *showcase.messages())
    assert [step for step, _ in events["games/table"]] == [*LOOKS]
    assert events["games/table"][-1][1].item().decode() == showcase.table(shown)
    assert len(showcase.table(shown).splitlines()) == 2 + GAMES
    pictures = events["games/candidates"]
    assert [step for step, _ in pictures] == [*LOOKS]
    found = tf.io.decode_png(pictures[-1][1][0]).numpy()
    expected = draw_games(showcase.images(shown), shown.targets, shown.choices)
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(found)) > 10


@pytest.mark.slow
def test_killed_and_resumed_run_shows_every_step_once_and_what_a_straight_one_shows(run, tmp_path):
    path, _, straight = run
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", others=[StopAfter(7)])
    lost = event_files.read(tmp_path / "run" / "tensorboard")
    assert [step for step, _ in lost["game/accuracy"]] == [2, 4, 6]
    assert [step for step, _ in lost["games/table"]] == [3, 6]
    # Goes on from step 4, so that what was shown after step 6 is shown again.
    train(tmp_path / "run")
    events = event_files.read(tmp_path / "run" / "tensorboard")
    assert events.keys() == straight.keys()
    for tag in events.keys() - {"speed/games_per_second"}:
        assert [step for step, _ in events[tag]] == [step for step, _ in straight[tag]], tag
        for (_, value), (_, other) in zip(events[tag], straight[tag], strict=True):
            np.testing.assert_array_equal(value, other, err_msg=tag)


def test_process_that_is_no_chief_writes_nothing(tmp_path):
    by_hand(tmp_path, Digits(), chief=False)
    assert list(tmp_path.iterdir()) == []


class OnlyTraining(Digits):
    """A data set without a split to hold back."""

    def load(self, split, labels=None):
        if split != "train":
            raise UserError("There is no split 'valid'.")
        return super().load(split, labels)


def test_data_without_a_validation_split_are_trained_on_all_the_same(tmp_path, capsys):
    by_hand(tmp_path, OnlyTraining())
    assert "Note: TensorBoard shows no games. There is no split 'valid'." in capsys.readouterr().out
    tags = event_files.read(tmp_path / "tensorboard").keys()
    assert tags == {"game/accuracy"}


def test_without_data_there_are_curves(tmp_path):
    by_hand(tmp_path, None)
    assert event_files.scalars(tmp_path / "tensorboard") == {"game/accuracy": {1: 0.5}}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [({"every": 0}, "TensorBoard.every"), ({"examples": 0}, "TensorBoard.examples")]
    + [({"games": 0.5}, "TensorBoard.games"), ({"data": "digits"}, "TensorBoard.data")],
)
def test_what_cannot_be_used_is_told(given, sentence):
    with pytest.raises(UserError, match=sentence):
        TensorBoard(**given)
