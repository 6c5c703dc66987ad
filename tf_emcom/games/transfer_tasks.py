"""Transfer tasks: what a new listener learns from the messages of a trained speaker."""

import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.heads.listener import Cpc, DotProduct, ListenerHead
from tf_emcom.agents.heads.prediction import ImageDecoder, MultiMlp, PredictionHead
from tf_emcom.agents.listener import Listener
from tf_emcom.checks import Checked, Count, Least, NotNegative
from tf_emcom.errors import UserError, require_labels
from tf_emcom.games.answers import Answering, ChosenInput
from tf_emcom.games.tasks import Discrimination
from tf_emcom.ops.losses import (
    as_target,
    cross_entropy,
    cross_entropy_of_classes,
    half_squared_error,
    in_top,
    labels_in_top,
    require_classes,
    share_of_the_most_frequent,
)
from tf_emcom.seeds import Stream
from tf_emcom.types import Batch, LossTerms, Message


class TransferTask(Answering, Checked, abc.ABC):
    """What a new listener learns, by supervision, from the messages of a frozen speaker (NEC, appendix)."""

    name: str  # what records and tables call it
    labels: tuple[str, ...] = ()  # of the data set, that it needs
    # Of Gaussian noise on what speaker and listener see, which differs; in standard deviations of a batch.
    input_noise: float = 0.0

    def __init__(self, head_cls: Callable[..., keras.layers.Layer], input_noise: NotNegative = 0.0) -> None:
        self.head_cls = head_cls
        self.input_noise = input_noise

    def head(self) -> keras.layers.Layer:
        """A new listener's head, not yet built."""
        return self.head_cls()

    @abc.abstractmethod
    def lesson(
        self, listener: Listener, message: Message, batch: Batch, candidate_inputs: tf.Tensor, stream: Stream
    ) -> LossTerms:
        """What the listener makes of B messages [B, T]: the loss and the task's metrics, each [B].

        "accuracy" is among the metrics where the task has one. `candidate_inputs`, [N, F], are what the listener sees
        of the inputs of all replicas' games.
        """

    @abc.abstractmethod
    def without_message(
        self, learnt: Mapping[str, np.ndarray], tested: Mapping[str, np.ndarray], candidates: int
    ) -> dict[str, float]:
        """What a listener reaches that hears nothing, and knows only what is most frequent or the mean in training.

        `learnt` are the labels of the training split, each [M, ...], `tested` those of the examples tested, each
        [N, ...]; tasks that choose do it among so many `candidates`.

        Returns:
          Metric → value: the accuracy, or the loss where the task has no accuracy, comes first.
        """

    def without_message_by_label(
        self, learnt: Mapping[str, np.ndarray], tested: Mapping[str, np.ndarray]
    ) -> Sequence[float]:
        """The same at each of L labels, for tasks whose lessons tell them apart."""
        return ()

    def pictures(self, listener: Listener, message: Message, batch: Batch) -> tuple[tf.Tensor, tf.Tensor] | None:
        """Targets and predictions as images [B, side, side, 3] in [−1, 1], for tasks that draw."""
        return None

    def check_batch(self, batch_size: int) -> None:
        """UserError where a batch of so many games is too small."""

    def check_labels(self, labels: Mapping[str, np.ndarray], data: str) -> None:
        """UserError where the labels [N, ...] of the data set called `data` are not what the task needs."""
        require_labels(self.name, self.labels, labels, data, "task")


class CandidateTask(TransferTask, abc.ABC):
    """Cross-entropy of the right one among the inputs of the batch, all of which every game shows."""

    answer = ChosenInput()

    def lesson(
        self, listener: Listener, message: Message, batch: Batch, candidate_inputs: tf.Tensor, stream: Stream
    ) -> LossTerms:
        candidates = Discrimination().candidates(batch, candidate_inputs, stream)
        scores = listener.scores(message, candidates)
        right = tf.argmax(scores, axis=-1, output_type=tf.int32) == candidates.target
        return LossTerms(cross_entropy(scores, candidates.target), {"accuracy": tf.cast(right, tf.float32)})

    def without_message(
        self, learnt: Mapping[str, np.ndarray], tested: Mapping[str, np.ndarray], candidates: int
    ) -> dict[str, float]:
        """The accuracy of a guess."""
        return {"accuracy": 1.0 / candidates}

    def check_batch(self, batch_size: int) -> None:
        Discrimination().candidates_per_game(batch_size)


class DiscriminationByDistance(CandidateTask):
    """Which input was meant, by cosine distance of message and candidate (NEC, `discriminationdist`)."""

    name = "discriminationdist"

    def __init__(self, head_cls: Callable[[], ListenerHead] = Cpc, input_noise: float = 0.5) -> None:
        super().__init__(head_cls, input_noise)


class DiscriminationByDotProduct(CandidateTask):
    """Which input was meant, candidates being classes whose logits are dot products (NEC, `discrimination`)."""

    name = "discrimination"

    def __init__(self, head_cls: Callable[[], ListenerHead] = DotProduct, input_noise: float = 0.5) -> None:
        super().__init__(head_cls, input_noise)


_Classes = Annotated[int, Least(2)]


class LabelTask(TransferTask, abc.ABC):
    """Softmax cross-entropy and accuracy, means over the labels of an example."""

    # Metric ↦ among how many of the best classes a label has to be.
    tops: Mapping[str, int] = {"accuracy": 1}

    def __init__(self, head_cls: Callable[[int, int], PredictionHead], count: int, classes: _Classes) -> None:
        """`count` labels an example of `classes` classes each."""
        super().__init__(head_cls)
        self.count = count
        self.classes = classes

    def head(self) -> PredictionHead:
        return self.head_cls(self.count, self.classes)

    def lesson(
        self, listener: Listener, message: Message, batch: Batch, candidate_inputs: tf.Tensor, stream: Stream
    ) -> LossTerms:
        labels = tf.reshape(batch.labels[self.labels[0]], (-1, self.count))
        logits = listener.predictions(message)
        metrics = {metric: in_top(count, logits, labels) for metric, count in self.tops.items()}
        by_label = labels_in_top(1, logits, labels) if self.count > 1 else None
        return LossTerms(cross_entropy_of_classes(logits, labels), metrics, by_label)

    def without_message(
        self, learnt: Mapping[str, np.ndarray], tested: Mapping[str, np.ndarray], candidates: int
    ) -> dict[str, float]:
        """The metrics of always answering each label's most frequent classes in training, mean over the labels."""
        known, asked = (labels[self.labels[0]].reshape(-1, self.count) for labels in (learnt, tested))
        return {metric: share_of_the_most_frequent(known, asked, count) for metric, count in self.tops.items()}

    def without_message_by_label(
        self, learnt: Mapping[str, np.ndarray], tested: Mapping[str, np.ndarray]
    ) -> Sequence[float]:
        if self.count == 1:
            return ()
        known, asked = (labels[self.labels[0]].reshape(-1, self.count, 1) for labels in (learnt, tested))
        return [share_of_the_most_frequent(known[:, i], asked[:, i]) for i in range(self.count)]

    def check_labels(self, labels: Mapping[str, np.ndarray], data: str) -> None:
        super().check_labels(labels, data)
        values = labels[self.labels[0]]
        given = values[0].size if len(values) else self.count
        if given != self.count:
            raise UserError(
                f"An example of the data set {data} has {given} values of {self.labels[0]!r}, but the task {self.name}"
                f" expects {self.count}; choose another task, or bind Attribute.attributes to their number."
            )
        label, name = f"The label {self.labels[0]!r} of the data set {data}", type(self).__name__
        require_classes(values, label, self.classes, name, f"{name}.classes")


class Attribute(LabelTask):
    """Which of the binary attributes the speaker's input has; accuracy is the mean over the attributes.

    Results of tests have that of each attribute, too, under `by_label`.
    """

    name = "attribute"
    labels = ("attributes",)

    def __init__(
        self, attributes: Count = 40, classes: _Classes = 2, head_cls: Callable[[int, int], PredictionHead] = MultiMlp
    ) -> None:
        """`attributes` as many as an example of the data set has, each of `classes` values from 0 on."""
        super().__init__(head_cls, attributes, classes)


class Classification(LabelTask):
    """Which class the speaker's input belongs to, from the message alone; also whether it is among the best K."""

    name = "classification"
    labels = ("label",)

    def __init__(
        self, classes: _Classes, head_cls: Callable[[int, int], PredictionHead] = MultiMlp, top: Count = 5
    ) -> None:
        """`classes` as many as the data set has, ids from 0 on; K is `top`, and its metric has the name `top5`, say."""
        super().__init__(head_cls, 1, classes)
        self.tops = {"accuracy": 1, f"top{top}": top}


_BLOCK = 256


class Reconstruction(TransferTask):
    """The image behind the speaker's input, from the message alone.

    Targets are resized to the head's side, with values in [−1, 1]. Loss: ½ Σ (prediction − target)² over the pixels and
    channels.
    """

    name = "reconstruction"
    labels = ("image",)

    def __init__(self, head_cls: Callable[[], ImageDecoder] = ImageDecoder) -> None:
        super().__init__(head_cls)

    def lesson(
        self, listener: Listener, message: Message, batch: Batch, candidate_inputs: tf.Tensor, stream: Stream
    ) -> LossTerms:
        """The loss and the error a pixel and channel of B games, each [B]."""
        loss = half_squared_error(listener.predictions(message), as_target(batch.labels["image"], listener.head.side))
        return LossTerms(loss, {"squared_error": loss * (2.0 / (3 * listener.head.side**2))})

    def pictures(self, listener: Listener, message: Message, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        return as_target(batch.labels["image"], listener.head.side), listener.predictions(message)

    def without_message(
        self, learnt: Mapping[str, np.ndarray], tested: Mapping[str, np.ndarray], candidates: int
    ) -> dict[str, float]:
        """The loss of always drawing the mean of the training images."""
        side = self.head().side
        mean = sum(targets.sum(axis=0) for targets in _targets(learnt["image"], side)) / len(learnt["image"])
        errors = sum(np.square(targets - mean).sum() for targets in _targets(tested["image"], side))
        return {"loss": float(0.5 * errors / len(tested["image"]))}

    def check_labels(self, labels: Mapping[str, np.ndarray], data: str) -> None:
        super().check_labels(labels, data)
        images = labels["image"]
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
            raise UserError(
                f"The label 'image' of the data set {data} is {images.dtype} of shape {images.shape[1:]} an example,"
                " but reconstruction needs RGB images, uint8 [height, width, 3]: prepare them so."
            )


def _targets(images: np.ndarray, side: int) -> Iterator[np.ndarray]:
    """Yields images as targets, float64 [B, side, side, 3]; block by block, so that memory stays small."""
    for start in range(0, len(images), _BLOCK):
        yield as_target(tf.constant(images[start : start + _BLOCK]), side).numpy().astype(np.float64)
