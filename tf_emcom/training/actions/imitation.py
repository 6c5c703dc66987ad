"""Imitation: students learn from teachers of their population."""

import abc
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tf_emcom.checks import Count, Repeats
from tf_emcom.errors import UserError
from tf_emcom.seeds import named_generator
from tf_emcom.training.actions.action import AgentAction, TrainingState
from tf_emcom.training.populations.imitator import Imitator
from tf_emcom.training.populations.population import Population
from tf_emcom.training.trainee import Trainee
from tf_emcom.training.trainer import Trainer


class Imitation(AgentAction):
    """Every so many steps, some speakers learn from one of them what to say of the step's inputs (EaS, section 2.3).

    Of `students` + 1 speakers drawn at random, a subclass takes the teacher.
    """

    def __init__(self, every: Count = 10, students: Repeats = 1) -> None:
        super().__init__(every)
        self.students = students
        self._trainer: Trainer | None = None

    @abc.abstractmethod
    def teacher(self, successes: Sequence[float]) -> int:
        """Which of the speakers teaches, given their running successes; they are in random order."""

    def check(self, learner: Trainee) -> None:
        self.require_population(learner)
        if self.students >= learner.speakers:
            raise UserError(
                f"{type(self).__name__}.students is {self.students}, but with n_speakers = {learner.speakers} a teacher"
                f" has at most {learner.speakers - 1} students; bind students below n_speakers, or raise"
                " n_speakers (one speaker alone can do @SelfImitation())."
            )

    def require_population(self, learner: Trainee) -> None:
        """UserError where no speaker can learn from another one."""
        if not isinstance(learner, Population):
            raise UserError(
                f"{type(self).__name__} needs a population whose speakers can learn from one another; leave it out of"
                " Train.changes in runs with several seeds at once and in transfer runs."
            )

    def act(self, training: TrainingState) -> dict[str, float]:
        population: Population = training.learner
        generator = named_generator(population.seed, "imitation", training.step)
        drawn = generator.permutation(population.speakers)[: self.students + 1].tolist()
        successes = population.speaker_members.successes()
        teacher = drawn[self.teacher([float(successes[i]) for i in drawn])]
        return self.teach(training, [(teacher, student) for student in drawn if student != teacher])

    def teach(self, training: TrainingState, turns: Sequence[tuple[int, int]]) -> dict[str, float]:
        """Teaches pairs of (teacher, student) in turn, and returns the mean metrics."""
        if self._trainer is None or self._trainer.learner.crowd is not training.learner:
            with training.distribution.strategy.scope():
                self._trainer = Trainer(Imitator(training.learner), training.distribution)
        # The inputs of the step that was just played.
        step, batch = training.pipeline.at(training.distribution.strategy, training.step - 1)
        metrics = self._trainer.teach(step, batch, tf.constant(turns, tf.int32))
        return {name: float(value) for name, value in metrics.items()}


class ImitationOfBest(Imitation):
    """The speaker with the highest running success teaches the others."""

    def teacher(self, successes: Sequence[float]) -> int:
        return int(np.argmax(successes))


class ImitationOfRandom(Imitation):
    """A speaker drawn at random teaches the others."""

    def teacher(self, successes: Sequence[float]) -> int:
        return 0


class ImitationOfWorst(Imitation):
    """The speaker with the lowest running success teaches the others."""

    def teacher(self, successes: Sequence[float]) -> int:
        return int(np.argmin(successes))


class SelfImitation(Imitation):
    """The only speaker learns to sample what it says greedily."""

    def __init__(self, every: Count = 10) -> None:
        super().__init__(every)

    def teacher(self, successes: Sequence[float]) -> int:
        return 0

    def check(self, learner: Trainee) -> None:
        self.require_population(learner)
        if learner.speakers != 1:
            raise UserError(
                f"SelfImitation is for one speaker, but n_speakers is {learner.speakers}; bind n_speakers to 1, or let"
                " speakers learn from one another with @ImitationOfBest(), @ImitationOfWorst() or @ImitationOfRandom()."
            )

    def act(self, training: TrainingState) -> dict[str, float]:
        return self.teach(training, [(0, 0)])
