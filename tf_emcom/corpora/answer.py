"""What every way of answering is."""

import abc
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.data.examples import Examples
from tf_emcom.types import Message


class Answered(NamedTuple):
    """What listeners made of the messages of B games; None where they make no choice."""

    choice: np.ndarray | None  # int32 [B, ...]
    success: np.ndarray | None  # float32 [B] in [0, 1]


class Answer(abc.ABC):
    """How a greedy listener answers messages, and what success is.

    Attributes:
      group: how many examples are played together, each of them a candidate of all; 1 where it does not matter.
      candidates: C, as corpora tell it; None where nothing is chosen among inputs.
      labels: what of the data set it needs.
    """

    group: int = 1
    candidates: int | None = None
    labels: Sequence[str] = ()

    @abc.abstractmethod
    def heard(self, listener: Listener, message: Message, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """The compiled part: what the listener makes of messages [B, T], given the inputs [B, F] of their games.

        Where it scores anything, `finite`, bool [B], says whether all scores are finite numbers.
        """

    @abc.abstractmethod
    def answered(self, heard: dict[str, np.ndarray], rows: np.ndarray, examples: Examples) -> Answered:
        """Choice and success, from what was heard about the examples in `rows`, int [B]."""
