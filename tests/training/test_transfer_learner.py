"""That a new listener learns from a language that means something, and only then; what is fed; what is measured."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests import naming
from tf_emcom.agents.heads.listener import Cpc, DotProduct
from tf_emcom.agents.heads.prediction import ImageDecoder, MultiMlp
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError
from tf_emcom.evaluation.transfer_evaluator import TransferEvaluator
from tf_emcom.games.channels import Clear, Erasure
from tf_emcom.games.transfer import MESSAGES
from tf_emcom.games.transfer_tasks import (
    Attribute,
    Classification,
    DiscriminationByDistance,
    DiscriminationByDotProduct,
    Reconstruction,
)
from tf_emcom.training.learner import Learner
from tf_emcom.training.trained_speaker import ShuffledSpeaker
from tf_emcom.training.trainee import Turn
from tf_emcom.types import Batch, Message

# The seed of all draws.
ROW = tf.constant([0, 0])

BATCH, STEPS = 27, 150
SMALL = functools.partial(MultiMlp, size=16)
TASKS = {
    "classification": lambda: Classification(9, SMALL),
    "attribute": lambda: Attribute(4, head_cls=SMALL),
    "reconstruction": lambda: Reconstruction(functools.partial(ImageDecoder, 8, (8,))),
    "discriminationdist": lambda: DiscriminationByDistance(functools.partial(Cpc, 16), input_noise=0.1),
    "discrimination": lambda: DiscriminationByDotProduct(functools.partial(DotProduct, 16), input_noise=0.1),
}


class Spelt:
    """A trained speaker's source, as `ShuffledSpeaker` takes one."""

    speaker = staticmethod(naming.Source().speaker)
    documents = staticmethod(naming.Source().documents)
    subjects = staticmethod(naming.Source().subjects)


def fed(learner):
    labels = {name: naming.LABELS[name] for name in learner.labels}
    return Examples(*learner.prepare(naming.INPUTS, labels, "names"))


def batch_of(examples, rows):
    return Batch(tf.constant(examples.inputs[rows]), {k: tf.constant(v[rows]) for k, v in examples.labels.items()})


def train(learner, examples, steps=STEPS, size=BATCH):
    """Plays fresh random batches."""

    @tf.function
    def step(batch, number):
        gradients, metrics = learner.gradients(Turn(batch, batch.inputs, number, tf.constant(0), ROW))
        learner.apply(gradients, number, ROW)
        return metrics

    generator = np.random.default_rng(0)
    for number in range(steps):
        rows = generator.permutation(len(examples.inputs))[:size]
        metrics = step(batch_of(examples, rows), tf.constant(number, tf.int64))
    return metrics


def measured(learner, examples, noise=0.0, passes=3):
    means = TransferEvaluator(learner, examples, False, Erasure(0.0)).means(BATCH, noise, passes, 0, "all")
    return means["accuracy" if "accuracy" in means else "loss"].mean


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_what_messages_tell_is_learnt_and_shuffled_messages_tell_nothing(task):
    learner = naming.learner(TASKS[task](), Clear(), BATCH)
    examples = fed(learner)
    before = measured(learner, examples)
    train(learner, examples)
    after = measured(learner, examples)
    silent = next(iter(learner.game.task.without_message(examples.labels, examples.labels, BATCH).values()))
    control = naming.learner(TASKS[task](), Clear(), BATCH, ShuffledSpeaker(Spelt()))
    shuffled = fed(control)
    # Few steps, since a few dozen examples can be learnt by heart.
    train(control, shuffled, 30)
    if task == "reconstruction":
        assert after < 0.2 * silent < before
        assert measured(control, shuffled) > 0.8 * silent
    else:
        assert after > 0.9 > silent + 0.2
        assert measured(control, shuffled) < silent + 0.15


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_noise_at_the_test_costs_accuracy(task):
    learner = naming.learner(TASKS[task](), Clear(), BATCH)
    examples = fed(learner)
    train(learner, examples)
    results = [measured(learner, examples, noise) for noise in (0.0, 0.5, 1.0)]
    assert results == sorted(results, reverse=task != "reconstruction")


@pytest.mark.slow
def test_a_listener_that_met_erasures_stands_them():
    results = []
    for channel in (Clear(), Erasure(0.5)):
        learner = naming.learner(Classification(9, SMALL), channel, BATCH)
        train(learner, fed(learner), 300)
        results.append(measured(learner, fed(learner), 0.5, passes=10))
    assert results[1] > results[0] + 0.03


def test_where_the_speaker_speaks_once_messages_are_fed_instead_of_inputs():
    examples = fed(naming.learner(Classification(9, SMALL), Clear(), BATCH))
    np.testing.assert_array_equal(examples.labels[MESSAGES], naming.NAMES)
    assert examples.inputs.shape == (len(naming.NAMES), 0)


def test_where_inputs_are_noisy_the_speaker_speaks_at_every_step():
    examples = fed(naming.learner(DiscriminationByDistance(functools.partial(Cpc, 4)), Clear(), BATCH))
    assert MESSAGES not in examples.labels
    np.testing.assert_array_equal(examples.inputs, naming.INPUTS)


def test_a_task_that_chooses_keeps_its_candidates_where_the_speaker_speaks_once():
    task = DiscriminationByDistance(functools.partial(Cpc, 4), input_noise=0.0)
    examples = fed(naming.learner(task, Clear(), BATCH))
    np.testing.assert_array_equal(examples.labels[MESSAGES], naming.NAMES)
    np.testing.assert_array_equal(examples.inputs, naming.INPUTS)


def test_speaker_and_listener_have_two_views_of_an_input():
    learner = naming.learner(DiscriminationByDistance(functools.partial(Cpc, 4), input_noise=0.7), Clear(), BATCH)
    seen = {}
    learner.speaker.greedy = lambda inputs: seen.setdefault("speaker", inputs) is None or naming.Speller.greedy(
        learner.speaker, inputs
    )
    learner.listener.scores = lambda message, candidates: seen.setdefault("listener", candidates.inputs) @ tf.transpose(
        candidates.inputs
    )
    inputs = tf.constant(naming.INPUTS[:BATCH])
    learner.gradients(Turn(Batch(inputs, {}), inputs, tf.constant(0, tf.int64), tf.constant(0), ROW))
    spread = naming.INPUTS[:BATCH].std(axis=0)
    noises = [(seen[agent] - inputs).numpy()[:, spread > 0] / spread[spread > 0] for agent in ("speaker", "listener")]
    for noise in noises:
        assert 0.6 < noise.std() < 0.8
    assert abs(np.corrcoef(noises[0].ravel(), noises[1].ravel())[0, 1]) < 0.2


def test_gradients_of_two_halves_add_up_to_those_of_the_whole():
    learner = naming.learner(DiscriminationByDistance(functools.partial(Cpc, 4)), Erasure(0.5), 8)
    inputs, step = tf.constant(naming.INPUTS[::10][:8]), tf.constant(5, tf.int64)
    whole, metrics = learner.gradients(Turn(Batch(inputs, {}), inputs, step, tf.constant(0), ROW))
    turns = [Turn(Batch(inputs[i : i + 4], {}), inputs, step, tf.constant(i), ROW) for i in (0, 4)]
    halves = [learner.gradients(turn) for turn in turns]
    for expected, first, second in zip(whole, halves[0][0], halves[1][0], strict=True):
        np.testing.assert_allclose(first + second, expected, atol=1e-6)
    for name, value in metrics.items():
        np.testing.assert_allclose(halves[0][1][name] + halves[1][1][name], value, atol=1e-5, err_msg=name)


def test_without_a_message_the_most_frequent_class_of_the_training_is_answered():
    learnt = {"label": np.array([1, 1, 2, 0, 0, 0]), "attributes": np.array([[0, 1], [0, 1], [0, 0]])}
    tested = {"label": np.array([1, 1, 1, 0]), "attributes": np.array([[1, 1], [1, 1], [0, 1], [1, 0]])}
    found = Classification(3).without_message(learnt, tested, 16)
    assert found == {"accuracy": 0.25, "top5": 1.0}
    assert Attribute(2).without_message(learnt, tested, 16) == {"accuracy": (0.25 + 0.75) / 2}
    assert DiscriminationByDotProduct().without_message({}, {}, 16) == {"accuracy": 1 / 16}


def test_without_a_message_the_five_most_frequent_classes_of_the_training_are_the_best_five():
    # Classes 0 to 6 are 1 to 7 times in the training, the first of equally frequent ones comes first.
    learnt = {"label": np.repeat([*range(7), 7], [1, 2, 3, 4, 5, 6, 7, 3])}
    tested = {"label": np.arange(10)}
    assert Classification(10).without_message(learnt, tested, 0) == {"accuracy": 0.1, "top5": 0.5}
    tested = {"label": np.array([2, 2, 2, 7])}  # 6, 5, 4, 3 and, of 2 and 7, the lower one
    assert Classification(10).without_message(learnt, tested, 0) == {"accuracy": 0.0, "top5": 0.75}


def test_the_number_of_best_classes_can_be_chosen():
    learnt = {"label": np.repeat(np.arange(4), [4, 3, 2, 1])}
    tested = {"label": np.array([0, 1, 2, 2])}
    assert Classification(4, top=2).without_message(learnt, tested, 0) == {"accuracy": 0.25, "top2": 0.5}
    learner = naming.learner(Classification(9, SMALL, top=2), Clear(), 27)
    found = TransferEvaluator(learner, fed(learner), False, Erasure(0.0)).means(27, 0.0, 1, 0, "all")
    assert found.keys() == {"loss", "accuracy", "top2"}
    assert found["accuracy"].mean < found["top2"].mean < 1.0


def test_accuracy_at_each_attribute_is_measured_in_tests_and_not_logged():
    learner = naming.learner(Attribute(4, head_cls=SMALL), Clear(), 27)
    examples = fed(learner)
    metrics = train(learner, examples, 20)
    assert metrics.keys() == {"loss", "accuracy"}
    found = TransferEvaluator(learner, examples, False, Erasure(0.0)).means(27, 0.0, 1, 0, "all")
    predicted = learner.listener.predictions(Message(tf.constant(naming.NAMES))).numpy().argmax(axis=-1)
    right = predicted == naming.LABELS["attributes"]
    for i in range(4):
        np.testing.assert_array_equal(found[f"accuracy at label {i}"].totals, right[:, i])
    assert found["accuracy"].mean == pytest.approx(right.mean())


def test_without_a_message_each_attribute_has_its_own_accuracy():
    learnt = {"attributes": np.array([[0, 1], [0, 1], [0, 0]])}
    tested = {"attributes": np.array([[1, 1], [1, 1], [0, 1], [1, 0]])}
    assert Attribute(2).without_message_by_label(learnt, tested) == [0.25, 0.75]
    assert Classification(2).without_message_by_label({"label": np.zeros(3, int)}, {"label": np.zeros(2, int)}) == ()


def test_without_a_message_the_mean_image_of_the_training_is_drawn():
    learnt, tested = np.random.default_rng(0).integers(0, 256, (2, 300, 16, 16, 3)).astype(np.uint8)
    tested = tested[:70] // 2
    targets = tested / 127.5 - 1
    expected = 0.5 * np.square(targets - (learnt / 127.5 - 1).mean(axis=0)).sum(axis=(1, 2, 3)).mean()
    task = Reconstruction(functools.partial(ImageDecoder, 4, (4, 4)))
    found = task.without_message({"image": learnt}, {"image": tested}, 0)
    assert found == {"loss": pytest.approx(expected, rel=1e-5)}


WORLD = np.random.default_rng(5).normal(size=(3000, naming.V * naming.T)).astype(np.float32)


def of_the_control(task, batch_size):
    """A control, and what it is trained and tested with."""
    control = naming.learner(task, Clear(), batch_size, ShuffledSpeaker(Spelt()))
    return control, *(Examples(*control.prepare(part, {}, "world")) for part in (WORLD[:1400], WORLD[1400:]))


@pytest.mark.slow
@pytest.mark.parametrize("input_noise", [0.0, 0.1])
def test_a_control_is_at_chance_whatever_it_could_exclude(input_noise):
    task = DiscriminationByDistance(functools.partial(Cpc, 16), input_noise=input_noise)
    control, learnt, tested = of_the_control(task, 4)
    train(control, learnt, 300, size=4)
    evaluator = TransferEvaluator(control, tested, False, Erasure(0.0))
    for count in (2, 4, 16):
        found = evaluator.means(count, 0.0, 1, 0, "test")["accuracy"]
        low, high = found.interval
        # 3.3 standard errors, since there are six of them.
        assert abs(found.mean - 1 / count) < 0.85 * (high - low), count
        assert found.inputs == found.games == 1400 // count * count


@pytest.mark.slow
def test_a_control_learns_nothing_by_heart():
    task = DiscriminationByDistance(functools.partial(Cpc, 64))
    control, learnt, _ = of_the_control(task, 16)
    few = Examples(learnt.inputs[:32], {name: values[:32] for name, values in learnt.labels.items()})
    train(control, few, 600, size=16)
    generator, found = np.random.default_rng(1), []
    for number in range(30):
        rows = generator.permutation(32)[:16]
        batch = batch_of(few, rows)
        _, metrics = control.gradients(Turn(batch, batch.inputs, tf.constant(number, tf.int64), tf.constant(0), ROW))
        found.append(float(metrics["accuracy"]))
    # Chance is 1/16; 1 where each input comes with one message for ever.
    assert np.mean(found) < 0.2


def test_messages_of_a_control_are_the_speakers_own_about_inputs_of_no_game():
    task = DiscriminationByDistance(functools.partial(Cpc, 4), input_noise=0.5)
    control, learnt, _ = of_the_control(task, 4)
    said = naming.Speller().greedy(tf.constant(WORLD[:1400])).symbols.numpy()
    subjects = control.subjects(1400)
    np.testing.assert_array_equal(learnt.inputs, WORLD[:1225])
    assert set(subjects) == set(range(1225, 1400))
    np.testing.assert_array_equal(learnt.labels[MESSAGES], said[subjects])
    # Each is as often talked about as any other, and by chance.
    assert set(np.unique(subjects, return_counts=True)[1]) == {7}
    assert abs(np.corrcoef(subjects, np.arange(1225))[0, 1]) < 0.1
    other = naming.learner(task, Clear(), 4, ShuffledSpeaker(Spelt()))
    np.testing.assert_array_equal(other.subjects(1400), subjects)


def test_a_split_that_is_too_small_for_a_control_is_refused():
    control, _, _ = of_the_control(DiscriminationByDistance(functools.partial(Cpc, 4)), 4)
    with pytest.raises(UserError, match="There are 1 inputs, but a control"):
        control.prepare(WORLD[:1], {}, "world")


def test_numbers_that_are_not_finite_are_no_measurement():
    learner = naming.learner(DiscriminationByDistance(functools.partial(Cpc, 4)), Clear(), BATCH)
    inputs = naming.INPUTS.copy()
    inputs[17, 3] = np.nan
    evaluator = TransferEvaluator(learner, Examples(inputs, {}), False, Erasure(0.0))
    with pytest.raises(UserError, match="The values of loss of the listener, with 81 games together, at noise 0 are"):
        evaluator.means(81, 0.0, 1, 0, "test")


def test_every_example_is_tested_and_masks_differ_between_passes():
    learner = naming.learner(Classification(9, SMALL), Clear(), BATCH)
    examples = fed(learner)
    evaluator = TransferEvaluator(learner, examples, False, Erasure(0.0))
    once, twice = (evaluator.means(20, 0.5, passes, 3, "all")["loss"] for passes in (1, 2))
    assert (once.games, twice.games) == (81, 162)
    assert twice.mean != pytest.approx(once.mean, rel=1e-6)
    np.testing.assert_array_equal(evaluator.means(20, 0.5, 2, 3, "all")["loss"].totals, twice.totals)


WRONG = {
    "text": (Classification(9), {"label": naming.LABELS["label"] + 1}, "values from 1 to 9, but .* 9 classes"),
    "negative": (Attribute(4), {"attributes": naming.LABELS["attributes"] - 1}, "counted from 0"),
    "float": (Attribute(4), {"attributes": naming.LABELS["attributes"] * 1.0}, "needs whole numbers"),
    "count": (Attribute(3), {"attributes": naming.LABELS["attributes"]}, "has 4 values of .* expects 3"),
    "pixels": (Reconstruction(), {"image": naming.INPUTS}, "needs RGB images"),
    "absent": (Attribute(3), {"label": naming.LABELS["label"]}, "needs the label 'attributes', .*its labels are label"),
}


@pytest.mark.parametrize("case", WRONG)
def test_labels_that_do_not_fit_the_task_are_refused(case):
    task, labels, sentence = WRONG[case]
    with pytest.raises(UserError, match=sentence):
        task.check_labels(labels, "names")


def test_a_learner_of_another_kind_of_game_is_refused():
    game = naming.learner(Classification(9, SMALL), Clear(), BATCH).game
    with pytest.raises(UserError, match=r"Learner.game is .* has to be an object of a Game"):
        Learner(game, *4 * (lambda *_: None,), features=4, batch_size=4)
