"""How greedy listeners answer messages, and what success is."""

import abc
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.data.source import Examples
from tf_emcom.ops.selection import take_shown
from tf_emcom.types import Message


class Answered(NamedTuple):
    """What listeners made of the messages of B games; None where they make no choice."""

    choice: np.ndarray | None  # int32 [B, ...]
    success: np.ndarray | None  # float32 [B] in [0, 1]


class Answer(abc.ABC):
    """How a greedy listener answers messages, and what success is.

    Attributes:
      group: how many examples are played together, each of them a candidate of all; 1 where it does not matter.
      candidates: C, as corpora report it; None where nothing is chosen among inputs.
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


# Messages that are scored at the same time, as in evaluations: all scores of a large group would leave the cache.
_SCORED_AT_ONCE = 512


class ChosenInput(Answer):
    """The listener takes one of the C inputs of the message's group."""

    def __init__(self, candidates: int) -> None:
        """`candidates` is C."""
        self.group = self.candidates = candidates

    def heard(self, listener: Listener, message: Message, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Which of its group's inputs fits each message best: int32 [B] in [0, C); whether its scores are finite."""
        heard = listener.head.project_messages(listener.represent(message))
        seen = listener.head.project_candidates(inputs)
        games = inputs.shape[0]
        group = np.arange(games) // self.group
        shown = tf.constant(group[:, np.newaxis] * self.group + np.arange(self.group), tf.int32)
        choices, finite = [], []
        for start in range(0, games, _SCORED_AT_ONCE):
            part = slice(start, min(start + _SCORED_AT_ONCE, games))
            scores = listener.head.compare(heard[part], seen)
            here = None if self.group == games else shown[part]
            scores = take_shown(scores, here)
            choices.append(tf.argmax(scores, axis=-1, output_type=tf.int32))
            finite.append(tf.reduce_all(tf.math.is_finite(scores), axis=-1))
        return {"position": tf.concat(choices, axis=0), "finite": tf.concat(finite, axis=0)}

    def answered(self, heard: dict[str, np.ndarray], rows: np.ndarray, examples: Examples) -> Answered:
        """The ids of the inputs taken, and whether they are the right ones."""
        first = np.arange(len(rows)) // self.group * self.group
        choice = rows[first + heard["position"]]
        return Answered(choice, (choice == rows).astype(np.float32))


class NamedClasses(Answer):
    """The listener names the classes of the input's labels, from the message alone."""

    def __init__(self, label: str) -> None:
        """`label` is the data set's label of these classes: whole numbers [N] or [N, L]."""
        self.label = label
        self.labels = (label,)

    def heard(self, listener: Listener, message: Message, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """The most probable class of each label, int32 [B, L], and whether all predictions are finite."""
        scores = listener.predictions(message)
        finite = tf.reduce_all(tf.math.is_finite(scores), axis=[1, 2])
        return {"classes": tf.argmax(scores, axis=-1, output_type=tf.int32), "finite": finite}

    def answered(self, heard: dict[str, np.ndarray], rows: np.ndarray, examples: Examples) -> Answered:
        """The classes, in the shape of the label itself, and the share of the labels that are named right."""
        targets = np.asarray(examples.labels[self.label][rows])
        choice = heard["classes"].reshape(targets.shape)
        right = (choice == targets).reshape(len(rows), -1)
        return Answered(choice, right.mean(axis=1, dtype=np.float32))


class NoAnswer(Answer):
    """The listener is not asked: what it does with a message is no choice."""

    def heard(self, listener: Listener, message: Message, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Nothing."""
        return {}

    def answered(self, heard: dict[str, np.ndarray], rows: np.ndarray, examples: Examples) -> Answered:
        """Neither choice nor success."""
        return Answered(None, None)


class Answering:
    """How the greedy listeners of a task answer: what tests, corpora and reports ask of it.

    Attributes:
      chooses_inputs: whether a listener chooses among inputs, so that the number of candidates matters.
      label: the label of the data set whose classes a listener names as its answer; None: it names none.
    """

    chooses_inputs: bool = False
    label: str | None = None

    def answer(self, candidates: int) -> Answer:
        """How they answer, with C = `candidates` inputs to choose from where they choose; by default they do not."""
        return NoAnswer()
