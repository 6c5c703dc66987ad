"""Tasks: what the listener does with a message, and what success is."""

import abc
from collections.abc import Mapping
from typing import Annotated

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.checks import Checked, Count, Least
from tf_emcom.errors import UserError, require_labels
from tf_emcom.games.answers import Answering, ChosenInput, NamedClasses
from tf_emcom.ops.losses import require_classes
from tf_emcom.seeds import Stream
from tf_emcom.types import Batch, Candidates, Choice, Hearing, Message


class Task(Answering, Checked, abc.ABC):
    """What a listener has to do: what it can take, how it is asked, and what success is."""

    labels: tuple[str, ...] = ()  # of the data set, that the task needs

    @abc.abstractmethod
    def candidates_per_game(self, batch_size: int) -> int:
        """C for batches of B games; UserError where such batches cannot be played."""

    @abc.abstractmethod
    def candidates(self, batch: Batch, inputs: tf.Tensor, stream: Stream) -> Candidates:
        """What the listeners can take; `inputs` [N, F] are those of all replicas' games, N = stream.global_games."""

    @abc.abstractmethod
    def hear(self, listener: Listener, message: Message, candidates: Candidates) -> Hearing:
        """Asks the listener about messages [B, T]."""

    @abc.abstractmethod
    def success(self, choice: Choice, candidates: Candidates) -> tf.Tensor:
        """How well the games went, float32 [B] in [0, 1]."""

    def check_batch(self, batch_size: int) -> None:
        """UserError where a batch of so many games cannot be played."""
        self.candidates_per_game(batch_size)

    def check_labels(self, labels: Mapping[str, np.ndarray], data: str) -> None:
        """UserError where the labels [N, ...] of the data set called `data` are not what the task needs."""
        require_labels(type(self).__name__, self.labels, labels, data, "label")


class Discrimination(Task):
    """Find the speaker's input among candidates, which are inputs of the same batch.

    With `distractors = None` every game shows the whole batch, those of all replicas together, so that C = B and the
    right candidate of game i is candidate i. With a number, each game shows its own input and that many others, drawn
    afresh every step: C = distractors + 1.

    The draw is one set of offsets a step: game i shows the inputs i + offset (mod B). Batches are in random order, so
    each game's distractors are a uniform draw without replacement, and every input is a distractor equally often. The
    right candidate of game i is put at position i mod C: at a fixed position it would win every tie.
    """

    answer = ChosenInput()

    def __init__(self, distractors: Count | None = None) -> None:
        self.distractors = distractors

    def candidates_per_game(self, batch_size: int) -> int:
        if batch_size < 2:
            raise UserError(
                f"batch_size is {batch_size}, but the candidates of a game are the inputs of its batch, so there is"
                " nothing to choose from; bind batch_size to 2 or more."
            )
        if self.distractors is None:
            return batch_size
        if self.distractors >= batch_size:
            raise UserError(
                f"{type(self).__name__}.distractors is {self.distractors}, but a batch of {batch_size} games has 1 to"
                f" {batch_size - 1} distractors to offer; bind it within them, or raise batch_size."
            )
        return self.distractors + 1

    def candidates(self, batch: Batch, inputs: tf.Tensor, stream: Stream) -> Candidates:
        games = stream.first_game + tf.range(stream.local_games)
        if self.distractors is None:
            return Candidates(inputs, None, games)
        count = self.distractors + 1
        # The order of random bits is a permutation; unlike a shuffle it compiles on every device.
        offsets = 1 + tf.argsort(stream.shared_bits(stream.global_games - 1), stable=True)[: self.distractors]
        ordered = tf.concat([[0], offsets], axis=0)  # The right one first, turned to its place below.
        target = games % count
        turned = (tf.range(count)[tf.newaxis, :] - target[:, tf.newaxis]) % count
        shown = (games[:, tf.newaxis] + tf.gather(ordered, turned)) % stream.global_games
        return Candidates(inputs, shown, target)

    def hear(self, listener: Listener, message: Message, candidates: Candidates) -> Hearing:
        return listener.hear(message, candidates)

    def success(self, choice: Choice, candidates: Candidates) -> tf.Tensor:
        return tf.cast(choice.candidates == candidates.target, tf.float32)


class DiscriminationDrawnPerGame(Discrimination):
    """As `Discrimination` with `distractors`, which every game draws by itself, uniformly and without replacement.

    So an input may be a distractor more often than another in a step. A step sorts B numbers for each of its B games.
    """

    def __init__(self, distractors: Count) -> None:
        super().__init__(distractors)

    def candidates(self, batch: Batch, inputs: tf.Tensor, stream: Stream) -> Candidates:
        games = stream.first_game + tf.range(stream.local_games)
        count = self.candidates_per_game(stream.global_games)
        order = tf.argsort(stream.uniform(stream.global_games - 1), axis=1, stable=True)
        offsets = tf.pad(1 + order[:, : count - 1], [[0, 0], [1, 0]])  # The right one first, turned to its place below.
        target = games % count
        turned = (tf.range(count)[tf.newaxis, :] - target[:, tf.newaxis]) % count
        shown = (games[:, tf.newaxis] + tf.gather(offsets, turned, batch_dims=1)) % stream.global_games
        return Candidates(inputs, shown, target)


class Naming(Task):
    """Name the labels of the speaker's input, from the message alone (EaS has it as a transfer task).

    The candidates are the K classes of each of an input's L labels, and success is the share of the labels that are
    named right. It needs a listener whose head predicts: `Listener.head_cls = @MultiMlp`.
    """

    def __init__(self, classes: Annotated[int, Least(2)], label: str = "label") -> None:
        """K = `classes`, 2 or more, for a `label` of the data set: whole numbers [N] or [N, L] from 0 on."""
        self.label = label
        self.classes = classes
        self.labels = (label,)
        self.answer = NamedClasses(label)

    def candidates_per_game(self, batch_size: int) -> int:
        return self.classes

    def candidates(self, batch: Batch, inputs: tf.Tensor, stream: Stream) -> Candidates:
        """The right classes as targets, int32 [B, L]."""
        labels = batch.labels[self.label]
        return Candidates(None, None, tf.reshape(tf.cast(labels, tf.int32), (labels.shape[0], -1)))

    def hear(self, listener: Listener, message: Message, candidates: Candidates) -> Hearing:
        """The listener's predictions as scores [B, L, K]; UserError where its head predicts something else."""
        scores = listener.predictions(message)
        given, wanted = tuple(scores.shape[1:]), (candidates.target.shape[1], self.classes)
        if given != wanted:
            raise UserError(
                f"The listener's head gives predictions of the shape {given}, but the label {self.label!r} takes"
                f" {wanted}, labels by classes; bind MultiMlp.labels to {wanted[0]} and MultiMlp.classes and"
                " Naming.classes to one number."
            )
        return Hearing(scores, None, None)

    def success(self, choice: Choice, candidates: Candidates) -> tf.Tensor:
        """The share of the labels that are named right, [B]."""
        return tf.reduce_mean(tf.cast(choice.candidates == candidates.target, tf.float32), axis=1)

    def check_labels(self, labels: Mapping[str, np.ndarray], data: str) -> None:
        super().check_labels(labels, data)
        name = f"The label {self.label!r} of the data set {data}"
        require_classes(labels[self.label], name, self.classes, "Naming", "Naming.classes and MultiMlp.classes")
