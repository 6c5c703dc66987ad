"""What a trainer trains."""

import abc
import itertools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.checks import Checked
from tf_emcom.games.lewis import Rules
from tf_emcom.runtime.evaluation_rows import checksum_of
from tf_emcom.seeds import seed_words
from tf_emcom.types import Batch

Metrics = dict[str, tf.Tensor]

# Tests play all speakers with all listeners, up to so many of each.
_MOST = 10


class Trainee(Checked, tf.Module, abc.ABC):
    """Agents, and how they learn from a batch.

    A step has one or more turns, done one after the other on the same batch. In each, `gradients` and `apply` are
    separate, because collectives between replicas stand between them, and XLA cannot have those on every strategy.

    Attributes:
      game: the rules.
      batch_size: B, over all replicas.
      seed: of everything random.
      speakers: how many speakers there are.
      listeners: how many listeners there are.
      pairs_per_step: how many pairs play a batch, one after the other.
      independent: whether speaker and listener i are a run of their own, with a seed of their own, for every i.
    """

    game: Rules
    batch_size: int
    seed: int
    speakers: int = 1
    listeners: int = 1
    pairs_per_step: int = 1
    independent: bool = False

    @abc.abstractmethod
    def gradients(
        self, batch: Batch, candidate_inputs: tf.Tensor, step: tf.Tensor, first_game: tf.Tensor, turn: tf.Tensor
    ) -> tuple[Any, Metrics]:
        """One replica's share of the gradients and metrics: summed over replicas they are means over the global batch.

        Args:
          batch: this replica's games.
          candidate_inputs: [B, F], the inputs of all replicas' games in order.
          step: integer [].
          first_game: int32 [], position in the global batch of this replica's first game.
          turn: int32 [...], a row of `turns`.
        """

    @abc.abstractmethod
    def apply(self, gradients: Any, step: tf.Tensor, turn: tf.Tensor) -> None:
        """Updates the agents with gradients summed over replicas."""

    @property
    @abc.abstractmethod
    def agents(self) -> dict[str, Sequence[keras.Variable]]:
        """Name → weights, of all agents; with a leading axis where there are several of a name."""

    @property
    @abc.abstractmethod
    def optimizer_state(self) -> dict[str, Sequence[keras.Variable]]:
        """Name → what else a run needs to go on as if it had never stopped: optimisers, running success."""

    @abc.abstractmethod
    def speaker_as(self, index: int) -> Speaker:
        """The speaker, with the weights of speaker `index` until another one is asked for."""

    @abc.abstractmethod
    def listener_as(self, index: int) -> Listener:
        """The listener, with the weights of listener `index` until another one is asked for."""

    def turns(self, step: tf.Tensor) -> tf.Tensor:
        """What each turn of a step is about, int32 [K, ...]; its first two numbers are the seed of its draws."""
        return seed_words(self.seed)[tf.newaxis]

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
        """The labels of the data set that it learns from."""
        return ()

    def prepare(self, inputs: np.ndarray, labels: dict[str, np.ndarray], data: str) -> tuple[np.ndarray, dict]:
        """What is fed instead of inputs [N, F] and labels [N, ...]: anything that is the same at every step, done once.

        Raises:
          UserError: the data set called `data` does not fit.
        """
        return inputs, labels

    def subjects(self, count: int) -> np.ndarray | None:
        """Which inputs messages are about, where these are other ones than the games are about; None: the same.

        Args:
          count: how many inputs a split has, N.

        Returns:
          Int [M], M < N: games are about the first M inputs, in order, and their messages about these among the rest.
        """
        return None

    def documents(self) -> dict[str, str]:
        """File name → text that a run's folder keeps beside its configuration, to stand on its own."""
        return {}

    def shares(self, per_game: Metrics) -> Metrics:
        """One replica's share of the means of numbers that are each [B].

        Detached copies: a metric is not to be differentiated through by accident.
        """
        return {name: tf.reduce_sum(tf.stop_gradient(v)) / self.batch_size for name, v in per_game.items()}

    def not_finite(self) -> list[str]:
        """The names of the agents and optimizers that hold a number that is not finite; a look from the host."""
        return [
            name
            for name, variables in {**self.agents, **self.optimizer_state}.items()
            if not all(map(_is_finite, variables))
        ]

    def checksum(self) -> str:
        """The CRC-32 of all weights, in hexadecimal; empty where they cannot be read."""
        return checksum_of(self.agents)


def _is_finite(variable: keras.Variable) -> bool:
    value = tf.convert_to_tensor(variable)
    return not value.dtype.is_floating or bool(tf.reduce_all(tf.math.is_finite(value)))
