import functools
import math

import numpy as np
import pytest
import tensorflow as tf

from tests import commands, event_files, lewis
from tf_emcom import cli
from tf_emcom.agents.heads.listener import DotProduct
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.recurrent import LstmCore
from tf_emcom.agents.speaker import Speaker
from tf_emcom.data.generated import Digits, RandomFeatures
from tf_emcom.data.pipeline import Order
from tf_emcom.errors import UserError
from tf_emcom.files import read_json_lines
from tf_emcom.games.losses import ListenerReinforce
from tf_emcom.runtime.checkpoint_files import checkpoint_steps
from tf_emcom.runtime.checkpoints import Checkpoints
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.runtime.strategies import Mirrored, OneDevice
from tf_emcom.seeds import named_seed
from tf_emcom.training.actions.action import Action, TrainingState
from tf_emcom.training.actions.checkpoint import Checkpoint
from tf_emcom.training.actions.logs import Log
from tf_emcom.training.actions.tensor_board import TensorBoard
from tf_emcom.training.actions.validation import Examiner, Validation
from tf_emcom.training.experiment import Experiment
from tf_emcom.training.learner import Learner
from tf_emcom.training.optimizers import Adam
from tf_emcom.training.train import Train
from tf_emcom.types import Candidates, Message

EXAMPLES, B = 40, 8
DATA = RandomFeatures(EXAMPLES, lewis.FEATURES)


def examiner(learner, distribution=None, batches=3, loss=None, data=DATA):
    training = TrainingState(0, 100, learner, None, None, distribution or OneDevice(), None, data=data)
    return Examiner(training, data.load("valid", learner.labels), "valid", batches, loss)


def expected(learner, speaker, listener, seed, batches=3):
    """Loss and accuracy of one pair in a clear channel, worked out by NumPy."""
    inputs, order = DATA.load("valid", ()).inputs, Order(EXAMPLES, B, named_seed(seed, "validation"), "valid")
    losses, right = [], []
    for number in range(batches):
        games = inputs[order.indices(number)]
        symbols = learner.speaker_as(speaker).greedy(tf.constant(games)).symbols
        candidates = Candidates(tf.constant(games), None, tf.range(B))
        scores = learner.listener_as(listener).scores(Message(symbols), candidates).numpy().astype(np.float64)
        losses += (np.log(np.exp(scores).sum(axis=1)) - np.diag(scores)).tolist()
        right += (np.argmax(scores, axis=1) == np.arange(B)).tolist()
    return np.mean(losses), np.mean(right)


@pytest.mark.slow
def test_every_pair_of_a_population_is_measured_by_its_greedy_games():
    population = lewis.make_population(lewis.lg_s, B, 2, 3)
    found = examiner(population).measured()
    pairs = population.pairs()
    assert pairs == [(i, j) for i in range(2) for j in range(3)] and len({*found["listener_loss"].tolist()}) == 6
    for place, (speaker, listener) in enumerate(pairs):
        loss, accuracy = expected(population, speaker, listener, population.seed)
        assert found["listener_loss"][place] == pytest.approx(loss, abs=1e-5)
        assert found["accuracy"][place] == pytest.approx(accuracy, abs=1e-6)


@pytest.mark.slow
def test_independent_runs_play_the_games_that_they_would_play_alone():
    together, alone = lewis.make_independent(lewis.nlg, B, 2, seed=5), lewis.make_learner(lewis.nlg, B, seed=6)
    found, own = examiner(together).measured(), examiner(alone).measured()
    for name in ("listener_loss", "accuracy"):
        assert found[name].shape == (2,) and own[name].shape == (1,)
        assert found[name][1] == pytest.approx(own[name][0], abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("rules", [lewis.lg_s, lewis.nlg])
def test_two_replicas_and_xla_measure_what_one_measures_and_nothing_changes(rules):
    found = []
    for distribution in (OneDevice(), OneDevice(True), Mirrored(), Mirrored(True)):
        with distribution.strategy.scope():
            population = lewis.make_population(rules, B, 2, 2)
        before = lewis.everything(population)
        held_out = examiner(population, distribution)
        found += [held_out.measured(), held_out.measured()]
        for value, other in zip(lewis.everything(population), before, strict=True):
            np.testing.assert_array_equal(value, other)
    for other in found[1:]:
        for name, values in found[0].items():
            np.testing.assert_allclose(other[name], values, atol=1e-6, err_msg=name)


def test_a_listener_that_learns_by_reinforcement_is_measured_by_the_right_answer_unless_another_loss_is_bound():
    learner = lewis.make_learner(lewis.nlg, B)
    usual, bound = examiner(learner).measured(), examiner(learner, loss=ListenerReinforce()).measured()
    # Agents that have learnt nothing yet take each candidate with nearly the same probability.
    assert usual["listener_loss"][0] == pytest.approx(math.log(B), abs=0.3)
    assert bound["listener_loss"][0] != usual["listener_loss"][0]
    assert bound["accuracy"][0] == usual["accuracy"][0]


def test_a_split_that_is_smaller_than_a_batch_is_played_as_a_whole_and_one_that_has_too_few_is_refused(capsys):
    few = RandomFeatures(5, lewis.FEATURES)
    held_out = examiner(lewis.make_learner(lewis.lg_s, B), data=few)
    assert (held_out.games, held_out.batches) == (5, 1)
    assert "the valid split has 5 examples, so Validation plays 5 games at a time" in capsys.readouterr().out
    with pytest.raises(UserError, match="The valid split has 5 examples, and Validation cannot .* 1 to 4 distractors"):
        examiner(lewis.make_learner(lewis.lg_s, B, distractors=6), data=few)
    with pytest.raises(UserError, match="has 1 examples.*each of 2 replicas needs one"):
        examiner(lewis.make_learner(lewis.lg_s, B), Mirrored(), data=RandomFeatures(1, lewis.FEATURES))


class FewDigits(Digits):
    """Digits with so few examples to learn from that they are soon known by heart."""

    def load(self, split, labels=None):
        examples = super().load(split, labels)
        kept = slice(0, FEW if split == "train" else None)
        return examples._replace(
            inputs=examples.inputs[kept], labels={name: values[kept] for name, values in examples.labels.items()}
        )


def pair(game, features, batch_size, seed):
    core, adam = functools.partial(LstmCore, 16), functools.partial(Adam, learning_rate=1e-2)
    return Learner(
        game,
        functools.partial(Speaker, 8, 4, core_cls=core),
        functools.partial(Listener, 8, core, functools.partial(DotProduct, 16)),
        *(adam, adam, features, batch_size, seed),
    )


FEW, EVERY, STEPS, BATCHES = 8, 50, 400, 20


def train(path, *others, validation=None, steps=STEPS, after=(), every=EVERY, saved=100):
    """Trains on a few digits; actions in `others` stand before the validation, those in `after` behind it."""
    experiment = Experiment(OneDevice(), lewis.lg_s(), FewDigits(), pair, batch_size=FEW, steps=steps)
    folder = RunFolder(str(path))
    folder.lock()
    folder.write_config("batch_size = 8\n")
    held_out = [Validation(every, batches=BATCHES)] if validation is None else validation
    try:
        actions = [Log(EVERY), TensorBoard(1000), *others, *held_out, *after, Checkpoint(saved)]
        Train(actions, steps_per_call=EVERY).run(experiment, folder)
    finally:
        folder.close()
    return experiment


def rows(path):
    return read_json_lines(str(path / "validation.jsonl"), "")


def variables(folder, step):
    reader = tf.train.load_checkpoint(str(folder / f"ckpt-{step}"))
    names = [name for name in reader.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name]
    return {name: reader.get_tensor(name) for name in names if "save_counter" not in name}


def assert_same(one, other):
    assert one.keys() == other.keys() and len(one) > 10
    for name, value in one.items():
        np.testing.assert_array_equal(other[name], value, err_msg=name)


def logged(path):
    found = read_json_lines(str(path / "metrics.jsonl"), "")
    return [{name: value for name, value in row.items() if name != "games_per_second"} for row in found]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A run that overfits, in one go."""
    path = tmp_path_factory.mktemp("runs") / "straight"
    return path, train(path)


@pytest.mark.slow
def test_the_best_checkpoint_of_a_run_that_overfits_is_that_of_the_least_loss_and_not_the_newest(straight):
    path, experiment = straight
    lines = rows(path)
    assert [row["step"] for row in lines] == list(range(EVERY, STEPS + 1, EVERY))
    assert all(row["games"] == BATCHES * FEW for row in lines)
    least = min(lines, key=lambda row: row["listener_loss"])
    assert lines[0]["step"] < least["step"] < STEPS
    # What is learnt by heart later is worse for others.
    assert lines[-1]["listener_loss"] > least["listener_loss"] + 0.03
    assert logged(path)[-1]["listener_loss"] < min(row["listener_loss"] for row in lines)
    assert checkpoint_steps(str(path / "best"))[0] == least["step"]
    # The agents in it have that loss.
    learner = experiment.learner
    assert Checkpoints(str(path / "checkpoints"), learner).restore_agents(str(path), "best") == least["step"]
    found = examiner(learner, data=FewDigits(), batches=BATCHES).measured()
    assert found["listener_loss"][0] == pytest.approx(least["listener_loss"], abs=1e-9)
    assert not any("optimizer" in name for name in variables(path / "best", least["step"]))


@pytest.mark.slow
def test_curves_of_tensorboard_are_the_lines_and_metrics_have_none_of_it(straight):
    path, _ = straight
    curves = event_files.scalars(path / "tensorboard")
    for tag, name in (("listener/validation_loss", "listener_loss"), ("game/validation_accuracy", "accuracy")):
        assert curves[tag] == pytest.approx({row["step"]: row[name] for row in rows(path)}, rel=1e-6)
    assert not any("validation" in name for row in logged(path) for name in row)


@pytest.mark.slow
def test_training_is_the_same_bit_for_bit_without_validation(straight, tmp_path):
    path, _ = straight
    train(tmp_path, validation=())
    ours, theirs = (variables(each / "checkpoints", STEPS) for each in (path, tmp_path))
    # A text with one entry for each action.
    assert ours.pop("carried/.ATTRIBUTES/VARIABLE_VALUE") != theirs.pop("carried/.ATTRIBUTES/VARIABLE_VALUE")
    assert_same(ours, theirs)
    assert logged(path) == logged(tmp_path)
    assert not (tmp_path / "validation.jsonl").exists() and not (tmp_path / "best").exists()


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it is done."""


class KilledAt(Action):
    def __init__(self, step):
        self.step = step
        self.every = EVERY

    def act(self, training):
        if training.step == self.step:
            raise Killed


class KilledIn(Validation):
    """Is killed at a step: while the best is saved, after that, or with half a line written."""

    def __init__(self, step, moment):
        super().__init__(EVERY, batches=BATCHES)
        self.step, self.moment = step, moment

    def act(self, training):
        if training.step != self.step:
            return super().act(training)
        folder = training.folder
        if self.moment == "saving":
            training.checkpoints.save_agents = self._half(folder)
        elif self.moment == "saved":
            folder.append_validation = self._dead
        else:
            folder.append_validation = lambda row: self._half_a_line(folder)
        return super().act(training)

    def _dead(self, row):
        raise Killed

    def _half(self, folder):
        def save(best, step):
            tf.io.gfile.makedirs(f"{best}/ckpt-{step}.new")
            with open(f"{best}/ckpt-{step}.data-00000-of-00001", "wb") as file:
                file.write(b"half")
            raise Killed

        return save

    def _half_a_line(self, folder):
        with open(f"{folder.path}/validation.jsonl", "a") as file:
            file.write('{"step": 15')
        raise Killed


@pytest.mark.slow
def test_a_run_killed_before_during_and_after_validations_ends_as_one_that_is_not(straight, tmp_path):
    path, _ = straight
    best = min(rows(path), key=lambda row: row["listener_loss"])["step"]
    kills = [
        {"others": [KilledAt(50)]},
        {"validation": [KilledIn(50, "saving")]},
        {"after": [KilledAt(50)]},
        {"validation": [KilledIn(best, "saving")]},
        {"validation": [KilledIn(best, "saved")]},
        {"validation": [KilledIn(best, "half a line")]},
        {"after": [KilledAt(best)]},
        {"after": [KilledAt(STEPS)]},
    ]
    for kill in kills:
        with pytest.raises(Killed):
            train(tmp_path, *kill.pop("others", ()), **kill)
    train(tmp_path)
    assert (tmp_path / "validation.jsonl").read_bytes() == (path / "validation.jsonl").read_bytes()
    assert_same(variables(tmp_path / "checkpoints", STEPS), variables(path / "checkpoints", STEPS))
    assert checkpoint_steps(str(tmp_path / "best")) == checkpoint_steps(str(path / "best"))
    assert_same(variables(tmp_path / "best", best), variables(path / "best", best))
    assert logged(tmp_path) == logged(path)
    assert event_points(tmp_path) == event_points(path)
    assert not [each for each in tmp_path.rglob("*") if each.name.endswith(".new")]


def event_points(path):
    found = event_files.scalars(path / "tensorboard")
    return {tag: values for tag, values in found.items() if "games_per_second" not in tag}


@pytest.mark.slow
def test_a_killed_run_resumes_with_what_was_best_at_its_last_checkpoint(straight, tmp_path):
    path, _ = straight
    losses = {row["step"]: row["listener_loss"] for row in rows(path)}
    # The loss falls at first, so that the best of step 150 is newer than the last checkpoint.
    assert losses[150] < losses[100] < losses[50]
    with pytest.raises(Killed):
        train(tmp_path, after=[KilledAt(150)])
    assert checkpoint_steps(str(tmp_path / "best")) == [150, 100]

    class Seen(Action):
        every = EVERY

        def begin(self, training):
            assert training.step == 100
            assert checkpoint_steps(training.folder.new_best) == [150, 100]

        def act(self, training):
            raise Killed

    # After its own beginning, the best that is not on this run's way any more is gone.
    with pytest.raises(Killed):
        train(tmp_path, Seen())
    assert checkpoint_steps(str(tmp_path / "best")) == [100]
    assert [row["step"] for row in rows(tmp_path)] == [50, 100]


@pytest.mark.slow
def test_a_run_made_longer_validates_as_one_that_was_as_long_from_the_start(tmp_path):
    lengths = {"longer": (100, 250), "straight": (250,)}
    for name, steps in lengths.items():
        for last in steps:
            train(tmp_path / name, steps=last, every=75)
    assert [row["step"] for row in rows(tmp_path / "longer")] == [75, 150, 225, 250]
    assert rows(tmp_path / "longer") == rows(tmp_path / "straight")
    newest = checkpoint_steps(str(tmp_path / "longer" / "best"))[0]
    assert newest == checkpoint_steps(str(tmp_path / "straight" / "best"))[0]
    assert_same(variables(tmp_path / "longer" / "best", newest), variables(tmp_path / "straight" / "best", newest))


def test_weights_that_are_no_numbers_are_never_the_best(tmp_path):
    learner, folder = lewis.make_learner(lewis.lg_s, B), RunFolder(str(tmp_path))
    checkpoints = Checkpoints(folder.checkpoints, learner)
    training = TrainingState(0, 10, learner, folder, checkpoints, OneDevice(), None, data=DATA)
    validation = Validation(5, batches=1)
    validation.begin(training)
    listener = learner.listener.trainable_variables
    before = [weight.numpy() for weight in listener]
    for weight in listener:
        weight.assign(np.full(weight.shape, np.nan, np.float32))
    assert validation.act(training._replace(step=5)).keys() == {"accuracy"}
    assert checkpoint_steps(folder.new_best) == [] and folder.read_validation()[0]["listener_loss"] is None
    # The speaker's moving average plays no part in a loss of listeners.
    for weight, value in zip(listener, before, strict=True):
        weight.assign(value)
    average = learner.target_speaker.trainable_variables[0]
    average.assign(np.full(average.shape, np.nan, np.float32))
    with pytest.raises(UserError, match="target_speaker holds numbers that are not finite after step 10"):
        validation.act(training._replace(step=10))
    assert checkpoint_steps(folder.new_best) == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [({"every": 0}, "Validation.every"), ({"batches": 0}, "Validation.batches")]
    + [({"loss": "mse"}, "Validation.loss"), ({"split": 3}, "Validation.split")],
)
def test_what_cannot_be_used_is_told(given, sentence):
    with pytest.raises(UserError, match=sentence):
        Validation(**given)


GIN = commands.ROOT / "gin"
ACTIONS = "Train.actions=[@StopOnNan(), @Log(), @Validation(), @Checkpoint()]"
SMALL = (*commands.TINY, "batch_size=16", ACTIONS, "Validation.every=2", "Validation.batches=2")


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """A run of two speakers whose best checkpoint is not its newest, since the listener's last steps are too large."""
    run = tmp_path_factory.mktemp("runs") / "crowd"
    rates = ("speaker/Adam.learning_rate=0.0", "listener/Adam.learning_rate=@Joined()")
    large = ("Joined.parts=[0.3, 1e4]", "Joined.boundaries=[4]")
    cli.run([str(GIN / "lg_s_digits.gin")], [*SMALL, *rates, *large, "n_speakers=2", "steps=6"], str(run))
    best = min(rows(run), key=lambda row: row["listener_loss"])["step"]
    assert best < 6
    return run, best


def step_tested(run, which):
    cli.evaluate(str(run), ["testchannel"], ["TestChannel.passes=1", "TestChannel.candidates=(16,)"], which=which)
    return RunFolder(str(run)).read_evaluations()["testchannel"][-1]["step"]


@pytest.mark.slow
def test_tests_take_the_newest_checkpoint_the_best_or_that_of_a_step(crowd):
    run, best = crowd
    assert step_tested(run, "newest") == 6
    assert step_tested(run, "best") == best
    assert step_tested(run, "4") == 4
    assert len(rows(run)[0]["by_pair"]["listener_loss"]) == 2
    assert rows(run)[0]["listener_loss"] == pytest.approx(np.mean(rows(run)[0]["by_pair"]["listener_loss"]))


@pytest.mark.slow
def test_a_new_listener_may_learn_from_the_best_speaker(crowd, tmp_path):
    run, best = crowd
    files = [str(GIN / "etl_digits.gin"), str(GIN / "tasks" / "classification.gin")]
    small = ["listener/LstmCore.units=8", "MultiMlp.size=8", "steps=2", "Log.every=1", "Checkpoint.every=2", "games=16"]
    params = [*small, ACTIONS, f"checkpoint={str(run)!r}", "speaker_index=1", "TrainedSpeaker.which='best'"]
    cli.run(files, params, str(tmp_path / "run"))
    theirs, ours = variables(run / "best", best), variables(tmp_path / "run" / "checkpoints", 2)
    names = [name for name in ours if name.startswith("speaker/weights/")]
    assert len(names) > 5
    for name in names:
        np.testing.assert_array_equal(ours[name], theirs[name][1], err_msg=name)
    # And validates what it learns; it is resumed with its own checkpoint, which holds the one speaker.
    (line,) = rows(tmp_path / "run")
    assert line["step"] == 2 and 0 <= line["accuracy"] <= 1 and line["games"] == 160
    cli.run(files, [*params, "steps=3"], str(tmp_path / "run"))
    assert [row["step"] for row in rows(tmp_path / "run")] == [3]


@pytest.mark.slow
def test_listeners_that_name_labels_are_validated(tmp_path):
    cli.run([str(GIN / "naming_digits.gin")], [*SMALL, "seeds=2", "steps=2", "MultiMlp.size=8"], str(tmp_path / "run"))
    (line,) = rows(tmp_path / "run")
    assert line["listener_loss"] == pytest.approx(math.log(10), abs=0.5)
    assert line["accuracy"] == pytest.approx(np.mean(line["by_seed"]["accuracy"]))


@pytest.mark.slow
def test_a_checkpoint_that_is_not_there_is_one_sentence(straight_run_without, crowd):
    with pytest.raises(UserError, match="There is no best checkpoint in .*best, since nothing was validated; use"):
        step_tested(straight_run_without, "best")
    with pytest.raises(UserError, match=f"There is no checkpoint of step 5 in .*, but of {crowd[1]}.*; name one of"):
        step_tested(crowd[0], "5")
    with pytest.raises(UserError, match="There is no checkpoint 'bset'; name newest, best, or the step of one"):
        step_tested(crowd[0], "bset")


@pytest.fixture(scope="module")
def straight_run_without(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "plain"
    cli.run([str(GIN / "lg_s_digits.gin")], [*commands.TINY, "batch_size=16", "steps=2"], str(run))
    return run


@pytest.mark.processes
def test_the_command_takes_the_best_by_a_flag(crowd):
    run, best = crowd
    params = ["TestChannel.passes=1", "TestChannel.candidates=(64,)"]
    done = commands.start("evaluate", f"--workdir={run}", "--checkpoint=best", params=params)
    assert done.returncode == 0, done.stderr
    assert f"test split, step {best}" in done.stdout
    wrong = commands.start("evaluate", f"--workdir={run}", "--checkpoint=first")
    assert wrong.returncode == 2 and "Error: There is no checkpoint 'first'" in wrong.stderr
