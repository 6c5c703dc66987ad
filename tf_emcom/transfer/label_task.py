"""What the tasks of telling labels have in common."""

import abc
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.errors import UserError, require_integer
from tf_emcom.heads.transfer.prediction_head import PredictionHead
from tf_emcom.ops.classification import (
    cross_entropy_of_classes,
    in_top,
    require_classes,
    share_of_the_most_frequent,
)
from tf_emcom.seeds import Stream
from tf_emcom.transfer.transfer_task import TransferTask
from tf_emcom.types import Batch, LossTerms, Message


class LabelTask(TransferTask, abc.ABC):
    """Softmax cross-entropy and accuracy, means over the labels of an example."""

    def __init__(self, head_cls: Callable[[int, int], PredictionHead], count: int, classes: int) -> None:
        """`count` labels an example of `classes` classes each; UserError where that is none, or nothing to tell."""
        super().__init__(head_cls)
        name = type(self).__name__
        require_integer(f"{name}.attributes", count, 1, "it counts the labels of an example")
        require_integer(f"{name}.classes", classes, 2, "it counts the classes to tell apart")
        self.count = count
        self.classes = classes

    def head(self) -> PredictionHead:
        """An MLP a label, unless another head is bound."""
        return self.head_cls(self.count, self.classes)

    def lesson(
        self, listener: Listener, message: Message, batch: Batch, candidate_inputs: tf.Tensor, stream: Stream
    ) -> LossTerms:
        """The loss and the metrics of B games, each [B]."""
        labels = tf.reshape(batch.labels[self.labels[0]], (-1, self.count))
        logits = listener.predictions(message)
        loss = cross_entropy_of_classes(logits, labels)
        return LossTerms(loss, {"accuracy": in_top(1, logits, labels), **self.more_metrics(logits, labels)})

    def more_metrics(self, logits: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
        """Metrics besides accuracy, each [B], of logits [B, L, K] and labels [B, L]."""
        return {}

    def without_message(
        self, learnt: Mapping[str, np.ndarray], tested: Mapping[str, np.ndarray], candidates: int
    ) -> dict[str, float]:
        """The accuracy of always answering each label's most frequent class in training, mean over the labels."""
        return {"accuracy": self.by_frequency(learnt, tested, 1)}

    def by_frequency(self, learnt: Mapping[str, np.ndarray], tested: Mapping[str, np.ndarray], count: int) -> float:
        """How often one of each label's `count` most frequent classes in training is right, mean over the labels."""
        known, asked = (labels[self.labels[0]].reshape(-1, self.count) for labels in (learnt, tested))
        return share_of_the_most_frequent(known, asked, count)

    def check_labels(self, labels: Mapping[str, np.ndarray], data: str) -> None:
        """UserError where they are missing, of another number, or outside of the classes."""
        super().check_labels(labels, data)
        values = labels[self.labels[0]]
        given = values[0].size if len(values) else self.count
        if given != self.count:
            raise UserError(
                f"An example of the data set {data} has {given} values of {self.labels[0]!r}, but the task {self.name}"
                f" was told {self.count}; choose another task, or tell it their number (Attribute.attributes)."
            )
        told, name = f"The label {self.labels[0]!r} of the data set {data}", type(self).__name__
        require_classes(values, told, self.classes, name, f"{name}.classes")
