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
from tf_emcom.games.lewis import Rules
from tf_emcom.runtime.evaluation_rows import checksum_of
from tf_emcom.seeds import Stream, seed_words, step_stream, step_tensor
from tf_emcom.types import Batch

Labels = dict[str, np.ndarray]
Metrics = dict[str, tf.Tensor]

# Tests play all speakers with all listeners, up to this many of each.
_MOST = 10


class Agents(Checked, tf.Module, abc.ABC):
    """Speakers and listeners that can be tested: what tests, corpora and exports use."""

    game: Rules
    seed: int  # of everything random
    speakers: int = 1  # how many
    listeners: int = 1
    independent: bool = False  # whether, for every i, speaker and listener i are a run with a seed of its own

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

    def varied(self) -> list[dict[str, float]]:
        """Of each run of `seeds`, the numbers in which it differs from others, by name; none where seeds alone do."""
        return [{} for _ in self.seeds()]

    def named_run(self, index: int) -> dict[str, Any]:
        """How rows of results name the run that speaker `index` is of; nothing where nothing is independent."""
        if not self.independent:
            return {}
        varied = self.varied()[index]
        return {"training_seed": self.seeds()[index], **({"varied": varied} if varied else {})}

    @property
    def labels(self) -> Sequence[str]:
        """The labels of the data set that the task asks about."""
        return self.game.task.labels

    def prepare(self, inputs: np.ndarray, labels: Labels, data: str) -> tuple[np.ndarray, Labels]:
        """What is fed instead of inputs [N, F] and labels [N, ...]: anything that is the same at every step, done once.

        UserError where the data set called `data` does not fit the task.
        """
        self.game.task.check_labels(labels, data)
        return inputs, labels

    def subjects(self, count: int) -> np.ndarray | None:
        """Which of N = `count` inputs of a split messages are about; None: those that the games are about.

        Else int [M], M < N: game i is about input i, and its message about the input of this number, M or more.
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
    """One turn of a step, as one of several replicas plays it: b of the B games."""

    batch: Batch  # this replica's games, inputs [b, F]
    candidate_inputs: tf.Tensor  # [B, F], the inputs of all replicas' games in order
    step: tf.Tensor  # integer []
    first_game: tf.Tensor  # int32 [], position in the global batch of this replica's first game
    row: tf.Tensor  # int32 [...], a row of `Trainee.turns`

    def stream(self, batch_size: int) -> Stream:
        """The random numbers of these games, of B = `batch_size` in all; the row begins with their seed."""
        return step_stream(self.row[:2], self.step, self.first_game, self.batch.inputs.shape[0], batch_size)


class Trainee(Agents):
    """Agents that learn from batches.

    A step has one or more turns, done one after the other on the same batch. In each, `gradients` and `apply` are
    separate, because collectives between replicas stand between them, and XLA cannot have those on every strategy.
    """

    speaker: Speaker  # the only one, where a subclass has no other `speaker_as`
    listener: Listener
    batch_size: int  # B, over all replicas
    pairs_per_step: int = 1  # how many pairs play a batch, one after the other

    def speaker_as(self, index: int) -> Speaker:
        return self.speaker

    def listener_as(self, index: int) -> Listener:
        return self.listener

    def noises(self, step: int) -> list[float]:
        """The channel's noise at a step, for the record; of each run where it may differ between them."""
        return [float(self.game.channel.noise(step_tensor(step)))]

    def turns(self, step: tf.Tensor) -> tf.Tensor:
        """What each turn of a step is about, int32 [K, ...]; its first two numbers are the seed of its draws."""
        return seed_words(self.seed)[tf.newaxis]

    @abc.abstractmethod
    def gradients(self, turn: Turn) -> tuple[Any, Metrics]:
        """One replica's share of the gradient for each trainable variable, of its shape, and of the metrics, each [].

        Summed over replicas they are means over the global batch.
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
