"""What every task of a game is."""

import abc
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import tensorflow as tf

from tf_emcom.arguments import Checked
from tf_emcom.errors import require_labels
from tf_emcom.seeds import Stream
from tf_emcom.types import Batch, Candidates, Choice, Hearing, Message


class Hearer(Protocol):
    """What a task needs of a listener."""

    @abc.abstractmethod
    def hear(self, message: Message, candidates: Candidates) -> Hearing:
        """Scores for candidates, and what the critics say."""

    @abc.abstractmethod
    def predictions(self, message: Message) -> tf.Tensor:
        """What the head predicts of messages [B, T]: [B, ...]."""


class Task(Checked, abc.ABC):
    """What a listener has to do: what it can take, how it is asked, and what success is.

    Attributes:
      labels: the labels of the data set that the task needs.
    """

    labels: tuple[str, ...] = ()

    @abc.abstractmethod
    def candidates_per_game(self, batch_size: int) -> int:
        """C for batches of B games; UserError where such batches cannot be played."""

    @abc.abstractmethod
    def candidates(self, batch: Batch, inputs: tf.Tensor, stream: Stream) -> Candidates:
        """What the listeners can take.

        Args:
          batch: the games of this replica.
          inputs: [N, F], the inputs of the games of all replicas, N = stream.global_games.
          stream: where anything random comes from.
        """

    @abc.abstractmethod
    def hear(self, listener: Hearer, message: Message, candidates: Candidates) -> Hearing:
        """Asks the listener about messages [B, T]."""

    @abc.abstractmethod
    def success(self, choice: Choice, candidates: Candidates) -> tf.Tensor:
        """How well the games went, float32 [B] in [0, 1]."""

    def check_labels(self, labels: Mapping[str, np.ndarray], data: str) -> None:
        """UserError where the labels [N, ...] of the data set called `data` are not what the task needs."""
        require_labels(type(self).__name__, self.labels, labels, data, "label")
