"""Agents that can be tested, and those that learn."""

import abc
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.checks import Checked
from tf_emcom.errors import UserError
from tf_emcom.games.lewis import Rules
from tf_emcom.runtime.evaluation_rows import checksum_of
from tf_emcom.seeds import Stream, seed_words, step_stream
from tf_emcom.types import Batch

Metrics = dict[str, tf.Tensor]

# Tests play all speakers with all listeners, up to this many of each.
_MOST = 10


class Agents(Checked, tf.Module, abc.ABC):
    """Speakers and listeners that can be tested: what tests, corpora and exports use.

    Attributes:
      game: the rules.
      seed: of everything random.
      speakers: how many speakers there are.
      listeners: how many listeners there are.
      independent: whether speaker and listener i are a run of their own, with a seed of their own, for every i.
    """

    game: Rules
    seed: int
    speakers: int = 1
    listeners: int = 1
    independent: bool = False

    @abc.abstractmethod
    def speaker_as(self, index: int) -> Speaker:
        """The speaker, with the weights of speaker `index` until another one is asked for."""

    @abc.abstractmethod
    def listener_as(self, index: int) -> Listener:
        """The listener, with the weights of listener `index` until another one is asked for."""

    def pairs(self) -> list[tuple[int, int]]:
        """Which speaker is tested with which listener: all with all, of the first ten of each; or each run's own.

        Those of one speaker are beside each other.
        """
        if self.independent:
            return [(i, i) for i in range(self.speakers)]
        return list(itertools.product(range(min(self.speakers, _MOST)), range(min(self.listeners, _MOST))))

    def listeners_of(self) -> dict[int, list[int]]:
        """Each speaker that is tested ↦ its listeners; all have as many."""
        found: dict[int, list[int]] = {}
        for speaker, listener in self.pairs():
            found.setdefault(speaker, []).append(listener)
        return found

    def seeds(self) -> list[int]:
        """The seed of each independent run; one where nothing is independent."""
        return [self.seed]

    @property
    def labels(self) -> Sequence[str]:
        """The labels of the data set that the task asks about."""
        return self.game.task.labels

    def prepare(self, inputs: np.ndarray, labels: dict[str, np.ndarray], data: str) -> tuple[np.ndarray, dict]:
        """What is fed instead of inputs [N, F] and labels [N, ...]: anything that is the same at every step, done once.

        Raises:
          UserError: the data set called `data` does not fit the task.
        """
        self.game.task.check_labels(labels, data)
        return inputs, labels

    def subjects(self, count: int) -> np.ndarray | None:
        """Which inputs messages are about, where these are other ones than the games are about; None: the same.

        Args:
          count: how many inputs a split has, N.

        Returns:
          Int [M], M < N: game i is about input i, and its message about the input of this number, M or more.
        """
        return None

    @property
    def is_control(self) -> bool:
        """Whether messages are about other inputs than the games are about."""
        return self.subjects(2) is not None  # Two inputs are enough to have others.

    def documents(self) -> dict[str, str]:
        """File name → text that a run's folder keeps beside its configuration, so that it needs no other folder."""
        return {}

    def not_finite(self) -> list[str]:
        """The names of the agents and optimizers that hold a number that is not finite, as far as they can be read."""
        return []

    def checksum(self) -> str:
        """The CRC-32 of all weights, in hexadecimal; empty where they cannot be read."""
        return ""


class Turn(NamedTuple):
    """One turn of a step, as one of several replicas plays it: b of the B games.

    Attributes:
      batch: this replica's games, inputs [b, F].
      candidate_inputs: [B, F], the inputs of all replicas' games in order.
      step: integer [].
      first_game: int32 [], position in the global batch of this replica's first game.
      row: int32 [...], a row of `Trainee.turns`.
    """

    batch: Batch
    candidate_inputs: tf.Tensor
    step: tf.Tensor
    first_game: tf.Tensor
    row: tf.Tensor

    def stream(self, batch_size: int) -> Stream:
        """The random numbers of these games, of B = `batch_size` in all; the row begins with their seed."""
        return step_stream(self.row[:2], self.step, self.first_game, self.batch.inputs.shape[0], batch_size)


class Trainee(Agents):
    """Agents that learn from batches.

    A step has one or more turns, done one after the other on the same batch. In each, `gradients` and `apply` are
    separate, because collectives between replicas stand between them, and XLA cannot have those on every strategy.

    Attributes:
      batch_size: B, over all replicas.
      pairs_per_step: how many pairs play a batch, one after the other.
    """

    batch_size: int
    pairs_per_step: int = 1

    def turns(self, step: tf.Tensor) -> tf.Tensor:
        """What each turn of a step is about, int32 [K, ...]; its first two numbers are the seed of its draws."""
        return seed_words(self.seed)[tf.newaxis]

    @abc.abstractmethod
    def gradients(self, turn: Turn) -> tuple[Any, Metrics]:
        """One replica's share of the gradients and metrics: summed over replicas they are means over the global batch.

        Returns:
          A gradient for each trainable variable, of its shape; and the metrics, each [].
        """

    @abc.abstractmethod
    def apply(self, gradients: Any, step: tf.Tensor, row: tf.Tensor) -> None:
        """Updates the agents with gradients summed over replicas, at `step`, integer []; `row` is that of the turn."""

    @property
    @abc.abstractmethod
    def agents(self) -> dict[str, Sequence[keras.Variable]]:
        """Name → weights, of all agents; with a leading axis where there are several of a name."""

    @property
    @abc.abstractmethod
    def optimizer_state(self) -> dict[str, Sequence[keras.Variable]]:
        """Name → what else a run needs to resume as if it had never stopped: optimizers, running success."""

    def check_resets(self, action: str) -> None:
        """UserError where there are no agents that can be reset, as `action` does: those of a `Crowd` can."""
        raise UserError(
            f"{action} resets agents of a game, and this run has none that learn from each other; leave it out of"
            " Train.changes."
        )

    def check_imitation(self, action: str) -> None:
        """UserError where no speaker can learn from another one, as `action` has it: those of a `Population` can."""
        raise UserError(
            f"{action} needs a population whose speakers can learn from one another; leave it out of Train.changes in"
            " runs with several seeds at once and in transfer runs."
        )

    def shares(self, per_game: Metrics) -> Metrics:
        """One replica's share of the means of numbers that are each [B].

        Detached copies: a metric is not to be differentiated through by accident.
        """
        return {name: tf.reduce_sum(tf.stop_gradient(v)) / self.batch_size for name, v in per_game.items()}

    def not_finite(self) -> list[str]:
        groups = {**self.agents, **self.optimizer_state}
        return [name for name, variables in groups.items() if not all(map(_is_finite, variables))]

    def checksum(self) -> str:
        return checksum_of(self.agents)


def _is_finite(variable: keras.Variable) -> bool:
    value = tf.convert_to_tensor(variable)
    return not value.dtype.is_floating or bool(tf.reduce_all(tf.math.is_finite(value)))
