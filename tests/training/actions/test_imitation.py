"""Who teaches whom, and what the students learn."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests import lewis
from tf_emcom.data.pipeline import Order, Pipeline
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError
from tf_emcom.runtime.strategies import Mirrored, OneDevice
from tf_emcom.training.actions.action import TrainingState
from tf_emcom.training.actions.imitation import ImitationOfBest, ImitationOfRandom, ImitationOfWorst, SelfImitation

GAMES, SPEAKERS = 8, 4
SCORES = [0.3, 0.9, 0.1, 0.5]


def population_on(distribution, scores=SCORES):
    """A population whose speakers have these running successes."""
    with distribution.strategy.scope():
        population = lewis.make_population(lewis.lg_s, GAMES, len(scores), 1)
    members = population.speaker_members
    for i, score in enumerate(scores):
        members.rows.replace(i, [members.success.mean], [np.float32(score)])
    return population


def training(population, distribution, step=10):
    pipeline = Pipeline(Examples(lewis.inputs(40), {}), Order(40, GAMES, 0, "train"))
    return TrainingState(step, 1000, population, None, None, distribution, pipeline)


def rows(population):
    members = population.speaker_members
    return [[members.rows.value(i, v) for v in members.rows.variables] for i in range(members.count)]


def changed_by(action, distribution=None, scores=SCORES, step=10):
    """The speakers that an act of imitation changed."""
    distribution = distribution or OneDevice(False)
    population = population_on(distribution, scores)
    before = rows(population)
    action.act(training(population, distribution, step))
    return {
        i
        for i, (old, new) in enumerate(zip(before, rows(population), strict=True))
        if any(not np.array_equal(a, b) for a, b in zip(old, new, strict=True))
    }


@pytest.mark.slow
@pytest.mark.parametrize(("action", "teacher"), [(ImitationOfBest, 1), (ImitationOfWorst, 2)])
def test_all_others_learn_from_the_one_with_the_planted_score(action, teacher):
    assert changed_by(action(10, students=SPEAKERS - 1)) == {*range(SPEAKERS)} - {teacher}


def test_of_two_that_are_drawn_the_better_teaches_the_worse():
    action, population = ImitationOfBest(10, students=1), population_on(OneDevice(False))
    students = []
    for step in range(10, 130, 10):
        before = rows(population)
        action.act(training(population, OneDevice(False), step))
        now = rows(population)
        (student,) = (i for i in range(SPEAKERS) if not np.array_equal(before[i][0], now[i][0]))
        students.append(student)
    # The best of all is never a student, the worst always is where it is drawn.
    assert 1 not in students
    assert {0, 2} <= set(students)


@pytest.mark.slow
def test_a_random_teacher_is_not_always_the_same():
    action, population = ImitationOfRandom(10, students=SPEAKERS - 1), population_on(OneDevice(False))
    teachers = set()
    for step in range(10, 130, 10):
        before = rows(population)
        action.act(training(population, OneDevice(False), step))
        now = rows(population)
        teachers |= {i for i in range(SPEAKERS) if np.array_equal(before[i][0], now[i][0])}
    assert len(teachers) >= 3


@pytest.mark.slow
def test_students_come_to_say_what_their_teacher_says():
    population = population_on(OneDevice(False))
    action = ImitationOfBest(1, students=SPEAKERS - 1)
    losses = [action.act(training(population, OneDevice(False), step))["imitation_loss"] for step in range(1, 201)]
    inputs = tf.constant(lewis.inputs(40))
    said = [population.speaker_as(i).greedy(inputs).symbols.numpy() for i in range(SPEAKERS)]
    # Log 7 is what a student thinks of symbols that it knows nothing about.
    np.testing.assert_allclose(losses[0], np.log(7), rtol=0.3)
    assert losses[-1] < 0.3 * losses[0]
    for student in (0, 2, 3):
        # By chance, one symbol in seven is the same.
        assert (said[student] == said[1]).mean() > 0.7


def test_the_loss_is_the_cross_entropy_of_the_teachers_greedy_symbols():
    population = population_on(OneDevice(False))
    inputs = tf.constant(lewis.inputs(40)[Order(40, GAMES, 0, "train").indices(9)])
    taught = population.speaker_as(1).greedy(inputs).symbols
    logits = [population.speaker_as(i).score(inputs, taught).policy_logits.numpy() for i in (0, 2, 3)]
    found = ImitationOfBest(10, students=3).act(training(population, OneDevice(False)))["imitation_loss"]
    log_probs = [one - np.log(np.exp(one).sum(-1, keepdims=True)) for one in logits]
    expected = [-np.take_along_axis(one, taught.numpy()[..., None], -1).mean() for one in log_probs]
    np.testing.assert_allclose(found, np.mean(expected), rtol=1e-5)


def test_weights_and_optimiser_of_a_student_change_and_nothing_else_of_it():
    population = population_on(OneDevice(False))
    members = population.speaker_members
    before = rows(population)
    ImitationOfBest(10, students=SPEAKERS - 1).act(training(population, OneDevice(False)))
    spared = {id(v) for v in (*members.averages, *members.success.state)}
    # No critic learns from imitation.
    head = members.model.head
    spared |= {id(v) for critic in (head.value, head.dueling) for v in critic.trainable_variables}
    for variable, old, new in zip(members.rows.variables, before[0], rows(population)[0], strict=True):
        if id(variable) in spared:
            np.testing.assert_array_equal(old, new)
        elif any(variable is weight for weight in members.weights):
            assert not np.array_equal(old, new), variable.path
    assert set(members.rows.value(0, members.optimizer.updates)) == {1}
    assert set(members.rows.value(1, members.optimizer.updates)) == {0}


@pytest.mark.slow
def test_two_replicas_teach_as_one_device_does():
    found = []
    for distribution in (OneDevice(False), Mirrored(False)):
        population = population_on(distribution)
        loss = ImitationOfBest(10, students=2).act(training(population, distribution))
        found.append((loss["imitation_loss"], rows(population)))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5)
    for one, two in zip(found[0][1], found[1][1], strict=True):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_allclose(a, b, atol=2e-4)


def test_a_lone_speaker_imitates_itself():
    population = population_on(OneDevice(False), [0.5])
    action = SelfImitation(10)
    action.check(population)
    inputs = tf.constant(lewis.inputs(40))
    before = population.speaker_as(0).greedy(inputs)
    for step in range(1, 31):
        action.act(training(population, OneDevice(False), step))
    after = population.speaker_as(0).score(inputs, before.symbols)
    assert tf.reduce_mean(after.log_probs) > tf.reduce_mean(before.log_probs)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (lambda: ImitationOfBest(10, 4).check(population_on(OneDevice(False))), "students is 4.*at most 3 students"),
        (lambda: ImitationOfBest(10, 1).check(population_on(OneDevice(False), [0.5])), "SelfImitation"),
        (lambda: SelfImitation(10).check(population_on(OneDevice(False), [0.5, 0.5])), "n_speakers is 2"),
        (lambda: ImitationOfBest(10, 0), "students is 0"),
        (lambda: ImitationOfBest(0), "every is 0"),
        (lambda: ImitationOfBest(10).check(lewis.make_learner(lewis.lg_s, GAMES)), "needs a population"),
        (lambda: SelfImitation(10).check(lewis.make_independent(lewis.lg_s, GAMES, 2)), "needs a population"),
    ],
)
def test_impossible_imitation_is_refused(check, words):
    with pytest.raises(UserError, match=words):
        check()


def test_imitation_is_due_at_multiples_but_not_at_the_end():
    unused = dict.fromkeys(("learner", "folder", "checkpoints", "distribution", "pipeline"))
    place = functools.partial(TrainingState, steps=40, **unused)
    assert [step for step in range(1, 41) if ImitationOfBest(10).due(place(step))] == [10, 20, 30]
