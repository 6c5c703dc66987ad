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

    With `groups` the batch is cut into so many equal parts, one after the other, and a game has the inputs of its own
    part as candidates, as if that were the batch. It is the same on any number of replicas; with one group for each of
    them, or more, candidates stay within a replica (EaS, `cross_device=False`).
    """

    answer = ChosenInput()

    def __init__(self, distractors: Count | None = None, groups: Count = 1) -> None:
        self.distractors = distractors
        self.groups = groups

    def candidates_per_game(self, batch_size: int) -> int:
        name, part = type(self).__name__, "batch" if self.groups == 1 else "group"
        if batch_size % self.groups:
            raise UserError(
                f"batch_size is {batch_size}, which cannot be cut into {name}.groups = {self.groups} equal groups; bind"
                " batch_size to a multiple of it."
            )
        games = batch_size // self.groups
        if games < 2:
            raise UserError(
                f"batch_size is {batch_size}, but the candidates of a game are the inputs of its {part}, so there is"
                f" nothing to choose from; bind batch_size to {2 * self.groups} or more."
            )
        if self.distractors is None:
            return games
        if self.distractors >= games:
            raise UserError(
                f"{name}.distractors is {self.distractors}, but a {part} of {games} games has 1 to {games - 1}"
                " distractors to offer; bind it within them, or raise batch_size."
            )
        return self.distractors + 1

    def candidates(self, batch: Batch, inputs: tf.Tensor, stream: Stream) -> Candidates:
        games = stream.first_game + tf.range(stream.local_games)
        if self.distractors is None and self.groups == 1:
            return Candidates(inputs, None, games)
        size = stream.global_games // self.groups
        if self.distractors is None and size % stream.local_games == 0:
            first = stream.first_game // size * size
            return Candidates(tf.slice(inputs, [first, 0], [size, inputs.shape[1]]), None, games - first)
        places = games % size
        if self.distractors is None:
            shown, target = tf.range(size)[tf.newaxis, :], places
        else:
            count = self.candidates_per_game(stream.global_games)
            target = games % count
            turned = (tf.range(count)[tf.newaxis, :] - target[:, tf.newaxis]) % count
            shown = (places[:, tf.newaxis] + self.offsets(stream, size, turned)) % size
        return Candidates(inputs, (games - places)[:, tf.newaxis] + shown, target)

    def offsets(self, stream: Stream, size: int, turned: tf.Tensor) -> tf.Tensor:
        """How far behind its own input a game's candidates lie, in groups of `size`: 0 and D drawn distances.

        They are in the order of `turned`, int [b, D + 1], where 0 stands for the right one; int32 of the same shape.
        """
        # The order of random bits is a permutation; unlike a shuffle it compiles on every device.
        drawn = 1 + tf.argsort(stream.shared_bits(size - 1), stable=True)[: self.distractors]
        return tf.gather(tf.concat([[0], drawn], axis=0), turned)

    def hear(self, listener: Listener, message: Message, candidates: Candidates) -> Hearing:
        return listener.hear(message, candidates)

    def success(self, choice: Choice, candidates: Candidates) -> tf.Tensor:
        return tf.cast(choice.candidates == candidates.target, tf.float32)


class DiscriminationDrawnPerGame(Discrimination):
    """As `Discrimination` with `distractors`, which every game draws by itself, uniformly and without replacement.

    So an input may be a distractor more often than another in a step. A step sorts B numbers for each of its B games.
    """

    def __init__(self, distractors: Count, groups: Count = 1) -> None:
        super().__init__(distractors, groups)

    def offsets(self, stream: Stream, size: int, turned: tf.Tensor) -> tf.Tensor:
        order = tf.argsort(stream.uniform(size - 1), axis=1, stable=True)
        drawn = tf.pad(1 + order[:, : self.distractors], [[0, 0], [1, 0]])
        return tf.gather(drawn, turned, batch_dims=1)


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
