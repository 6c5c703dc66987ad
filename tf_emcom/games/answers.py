"""How greedy listeners answer messages, and which answers are right."""

import abc
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.checks import Checked
from tf_emcom.ops.selection import take_shown
from tf_emcom.types import Message


class Answer(Checked, abc.ABC):
    """How a greedy listener answers, in steps, so that a message is read once for all sets of candidates."""

    chooses_inputs: bool = False  # whether it answers with one of the C inputs of the message's group
    labels: Sequence[str] = ()  # what of the data set it needs

    @abc.abstractmethod
    def read(self, listener: Listener, message: Message) -> tf.Tensor:
        """What the listener makes of messages [B, T], whatever the candidates: float32 [B, ...]."""

    def look(self, listener: Listener, inputs: tf.Tensor) -> tf.Tensor:
        """What it makes of inputs [N, F] that may be candidates, float32 [N, E]; by default nothing, E = 0."""
        return tf.zeros([inputs.shape[0], 0])

    @abc.abstractmethod
    def compare(self, listener: Listener, read: tf.Tensor, seen: tf.Tensor, shown: tf.Tensor | None) -> tf.Tensor:
        """Scores [B, C], or [B, L, C] of L answers to each of B messages; the best one is the answer.

        They are made of what was `read` of the messages, [B, ...], and `seen` of the inputs, [N, E]; `shown`, int
        [B, C], says which inputs are candidates for each message, None: all of them.
        """

    @abc.abstractmethod
    def judged(
        self, choices: np.ndarray, rows: np.ndarray, size: int, labels: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The answers as corpora have them, int [..., B, ...], and which are right, bool [..., B, L].

        `choices` are the places of the best scores, int [..., B, L]; `rows` the examples that the messages are about,
        int [B], in groups of `size` whose members are each other's candidates; `labels` those of all examples.
        """

    def count(self, labels: Mapping[str, np.ndarray]) -> int:
        """L, how many answers there are to a message about an example with such labels, each [N, ...]."""
        return 1


class ChosenInput(Answer):
    """The listener takes one of the C inputs of the message's group; corpora have the id of that input."""

    chooses_inputs = True

    def read(self, listener: Listener, message: Message) -> tf.Tensor:
        return listener.head.project_messages(listener.represent(message))

    def look(self, listener: Listener, inputs: tf.Tensor) -> tf.Tensor:
        return listener.head.project_candidates(inputs)

    def compare(self, listener: Listener, read: tf.Tensor, seen: tf.Tensor, shown: tf.Tensor | None) -> tf.Tensor:
        return take_shown(listener.head.compare(read, seen), shown)

    def judged(
        self, choices: np.ndarray, rows: np.ndarray, size: int, labels: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        first = np.arange(len(rows)) // size * size
        taken = rows[first + choices[..., 0]]
        return taken, (taken == rows)[..., np.newaxis]


class NamedClasses(Answer):
    """The listener names the classes of the input's labels, from the message alone; corpora have these classes."""

    def __init__(self, label: str) -> None:
        """`label` is the data set's label of these classes: whole numbers [N] or [N, L]."""
        self.label = label
        self.labels = (label,)

    def read(self, listener: Listener, message: Message) -> tf.Tensor:
        return listener.predictions(message)

    def compare(self, listener: Listener, read: tf.Tensor, seen: tf.Tensor, shown: tf.Tensor | None) -> tf.Tensor:
        return read

    def judged(
        self, choices: np.ndarray, rows: np.ndarray, size: int, labels: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        targets = np.asarray(labels[self.label][rows])
        return choices.reshape(*choices.shape[:-2], *targets.shape), choices == targets.reshape(len(rows), -1)

    def count(self, labels: Mapping[str, np.ndarray]) -> int:
        return int(np.prod(labels[self.label].shape[1:]))


class Answering:
    """How the greedy listeners of a task answer: what tests, corpora and reports ask of it."""

    answer: Answer | None = None  # None: they give no answer, whatever else they do with a message.

    @property
    def chooses_inputs(self) -> bool:
        """Whether a listener chooses among inputs, so that the number of candidates matters."""
        return self.answer is not None and self.answer.chooses_inputs
