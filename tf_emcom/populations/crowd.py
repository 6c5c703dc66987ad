"""What all trainees of several agents have in common."""

import abc
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.rows import Row, bound, row_in
from tf_emcom.agents.speaker import Speaker
from tf_emcom.errors import require_number
from tf_emcom.learner import Gradients, Learner
from tf_emcom.populations.members import Members, Weights
from tf_emcom.seeds import named_seed
from tf_emcom.trainee import Metrics, Trainee
from tf_emcom.types import Batch


class Lesson(NamedTuple):
    """What a pair takes from a turn; shares are summed over replicas before they are applied."""

    gradients: Gradients
    success: tf.Tensor  # [], mean over the games


class Crowd(Trainee):
    """Speakers and listeners that share the layers of one pair, each with a row of its own.

    A subclass says who plays with whom.
    """

    def __init__(
        self, pair: Learner, speakers: Sequence[Weights], listeners: Sequence[Weights], success_decay: float
    ) -> None:
        """Takes the layers of a pair, and the first weights of every agent."""
        super().__init__()
        name = f"{type(self).__name__}.success_decay"
        require_number(name, success_decay, 0, 1, "it is the share that a moving average keeps")
        self.pair = pair
        self.game, self.batch_size, self.seed = pair.game, pair.batch_size, pair.seed
        self.speakers, self.listeners = len(speakers), len(listeners)
        averages = pair.target_speaker.trainable_variables
        self.speaker_members = Members(
            *("speaker", pair.speaker, averages, pair.speaker_optimizer, pair.new_speaker, speakers, success_decay)
        )
        self.listener_members = Members(
            *("listener", pair.listener, (), pair.listener_optimizer, pair.new_listener, listeners, success_decay)
        )

    @abc.abstractmethod
    def origin(self, index: int) -> tuple[int, int]:
        """The seed of the run that agent `index` belongs to, and which agent it is there."""

    @abc.abstractmethod
    def drawn(self, members: Members, *occasion: object) -> list[int]:
        """Who is drawn at an occasion, such as ("ResetOfPair", 100): one at random of every run."""

    @property
    def agents(self) -> dict[str, Sequence[keras.Variable]]:
        """The weights of all speakers, their moving averages and all listeners."""
        speaker, listener = self.speaker_members, self.listener_members
        return {
            "speaker": speaker.rows.stacks_of(speaker.weights),
            "target_speaker": speaker.rows.stacks_of(speaker.averages),
            "listener": listener.rows.stacks_of(listener.weights),
        }

    @property
    def memories(self) -> dict[str, Sequence[keras.Variable]]:
        """The optimisers and running successes of all."""
        kept = {}
        for members in (self.speaker_members, self.listener_members):
            kept[f"{members.name}_optimizer"] = members.rows.stacks_of(members.optimizer.state)
            kept[f"{members.name}_success"] = members.rows.stacks_of(members.success.state)
        return kept

    @property
    def labels(self) -> Sequence[str]:
        """What the task asks about."""
        return self.pair.labels

    def prepare(self, inputs: np.ndarray, labels: dict[str, np.ndarray], data: str) -> tuple[np.ndarray, dict]:
        """As for the pair."""
        return self.pair.prepare(inputs, labels, data)

    def subjects(self, count: int) -> np.ndarray | None:
        """As for the pair."""
        return self.pair.subjects(count)

    def speaker_as(self, index: int) -> Speaker:
        """The speaker, with the weights of speaker `index` until another one is asked for."""
        return self.speaker_members.lend(index)

    def listener_as(self, index: int) -> Listener:
        """The listener, with the weights of listener `index` until another one is asked for."""
        return self.listener_members.lend(index)

    def seed_for(self, members: Members, index: int, *occasion: object) -> int:
        """The seed of first weights of agent `index`, another one for each occasion, such as ("ResetOfPair", 100)."""
        seed, index = self.origin(index)
        return named_seed(seed, members.name, index, *occasion)

    @property
    def playing(self) -> list[keras.Variable]:
        """What of a speaker and a listener a game needs: weights, the speaker's moving average, weights."""
        return [*self.speaker_members.weights, *self.speaker_members.averages, *self.listener_members.weights]

    @property
    def learning(self) -> list[keras.Variable]:
        """All that a lesson changes of a speaker and then of a listener."""
        return [*self.speaker_members.rows.variables, *self.listener_members.rows.variables]

    def played(
        self,
        row: Row,
        batch: Batch,
        candidate_inputs: tf.Tensor,
        step: tf.Tensor,
        first_game: tf.Tensor,
        words: tf.Tensor,
    ) -> tuple[Lesson, Metrics]:
        """What the pair with this row of `playing` takes from its games; `words` begin with its seed's."""
        with bound(self.playing, row):
            gradients, metrics = self.pair.gradients(batch, candidate_inputs, step, first_game, words)
        return Lesson(gradients, metrics["accuracy"]), metrics

    def taught(self, row: Row, lesson: Lesson, step: tf.Tensor, words: tf.Tensor) -> Row:
        """The row of `learning` that the lesson makes of a pair's."""
        with bound(self.learning, row) as scope:
            self.pair.apply(lesson.gradients, step, words)
            for members in (self.speaker_members, self.listener_members):
                members.success.update(lesson.success)
        return row_in(scope, self.learning)
