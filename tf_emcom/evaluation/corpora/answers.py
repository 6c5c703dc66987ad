"""How greedy listeners answer messages, and what success is."""

import abc
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError
from tf_emcom.games.tasks import Discrimination, Naming, Task
from tf_emcom.games.transfer_tasks import CandidateTask, TransferTask
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


class ToldClasses(Answer):
    """The listener tells the classes of the input's labels, from the message alone."""

    def __init__(self, label: str) -> None:
        """`label` is what the classes are those of: whole numbers [N] or [N, L]."""
        self.label = label
        self.labels = (label,)

    def heard(self, listener: Listener, message: Message, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """The most probable class of each label, int32 [B, L], and whether all predictions are finite."""
        told = listener.predictions(message)
        finite = tf.reduce_all(tf.math.is_finite(told), axis=[1, 2])
        return {"classes": tf.argmax(told, axis=-1, output_type=tf.int32), "finite": finite}

    def answered(self, heard: dict[str, np.ndarray], rows: np.ndarray, examples: Examples) -> Answered:
        """The classes, in the shape of the label itself, and the share of the labels that are told right."""
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


_CANDIDATES = 64


def answer_to(task: Task | TransferTask, candidates: int | None, examples: int, split: str) -> Answer:
    """How listeners answer in a task.

    Args:
      task: of the run.
      candidates: C, as Messages.candidates says; None: 64, or all of a split that has fewer examples.
      examples: in the split.
      split: its name.

    Raises:
      UserError: there are fewer examples than candidates, or nothing is chosen among inputs.
    """
    if isinstance(task, Discrimination | CandidateTask):
        if candidates is not None and candidates > examples:
            raise UserError(
                f"Messages.candidates is {candidates}, but the {split} split has {examples} examples; bind it to that"
                " many or fewer."
            )
        return ChosenInput(min(_CANDIDATES, examples) if candidates is None else candidates)
    if candidates is not None:
        raise UserError(
            f"Messages.candidates is {candidates}, but the task of this run, {type(task).__name__}, is no choice among"
            " inputs; leave it out."
        )
    return ToldClasses(task.label) if isinstance(task, Naming) else NoAnswer()
