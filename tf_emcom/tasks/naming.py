"""The task of the naming game."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError, require_integer
from tf_emcom.ops.classification import require_classes
from tf_emcom.seeds import Stream
from tf_emcom.tasks.task import Hearer, Task
from tf_emcom.types import Batch, Candidates, Choice, Hearing, Message


class Naming(Task):
    """Tell the labels of the speaker's input, from the message alone (EaS has it as a transfer task).

    The candidates are the K classes of each of an input's L labels, and success is the share of the labels that are
    told right. It needs a listener whose head predicts: `Listener.head_cls = @MultiMlp`.
    """

    def __init__(self, classes: int, label: str = "label") -> None:
        """What is told.

        Args:
          classes: K, at least as many as any of the labels has.
          label: which label of the data set, whole numbers [N] or [N, L] from 0 on.

        Raises:
          UserError: there is nothing to tell apart.
        """
        require_integer("Naming.classes", classes, 2, "it counts the classes to tell apart")
        self.label = label
        self.classes = classes
        self.labels = (label,)

    def candidates_per_game(self, batch_size: int) -> int:
        """K, whatever the batch."""
        require_integer("batch_size", batch_size, 1, "it counts the games of a step")
        return self.classes

    def candidates(self, batch: Batch, inputs: tf.Tensor, stream: Stream) -> Candidates:
        """The right classes as targets, int32 [B, L]."""
        labels = batch.labels[self.label]
        return Candidates(None, None, tf.reshape(tf.cast(labels, tf.int32), (labels.shape[0], -1)))

    def hear(self, listener: Hearer, message: Message, candidates: Candidates) -> Hearing:
        """The listener's predictions as scores [B, L, K]; UserError where its head predicts something else."""
        scores = listener.predictions(message)
        told, wanted = tuple(scores.shape[1:]), (candidates.target.shape[1], self.classes)
        if told != wanted:
            raise UserError(
                f"The listener's head gives predictions of the shape {told}, but the label {self.label!r} takes"
                f" {wanted}, labels by classes; bind MultiMlp.labels to {wanted[0]} and MultiMlp.classes and"
                " Naming.classes to one number."
            )
        return Hearing(scores, None, None)

    def success(self, choice: Choice, candidates: Candidates) -> tf.Tensor:
        """The share of the labels that are told right, [B]."""
        return tf.reduce_mean(tf.cast(choice.candidates == candidates.target, tf.float32), axis=1)

    def check_labels(self, labels: Mapping[str, np.ndarray], data: str) -> None:
        """UserError where they are missing, no whole numbers, or outside of the classes."""
        super().check_labels(labels, data)
        told = f"The label {self.label!r} of the data set {data}"
        require_classes(labels[self.label], told, self.classes, "Naming", "Naming.classes and MultiMlp.classes")
