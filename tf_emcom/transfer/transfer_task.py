"""What every transfer task is."""

import abc
from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.arguments import Checked
from tf_emcom.errors import require_integer, require_labels, require_number
from tf_emcom.seeds import Stream
from tf_emcom.types import Batch, LossTerms, Message


class TransferTask(Checked, abc.ABC):
    """What a new listener learns, by supervision, from the messages of a frozen speaker (NEC, appendix).

    Attributes:
      name: what records and tables call it.
      labels: the labels of the data set that it needs.
      head_cls: makes the listener's head.
      input_noise: coefficient of Gaussian noise on what speaker and listener see; in standard deviations of a batch.
      chooses: whether the listener chooses among candidates, so that their number matters.
    """

    name: str
    labels: tuple[str, ...] = ()
    input_noise: float = 0.0
    chooses: bool = False

    def __init__(self, head_cls: Callable[..., keras.layers.Layer], input_noise: float = 0.0) -> None:
        """UserError where the noise is negative."""
        name = f"{type(self).__name__}.input_noise"
        require_number(name, input_noise, 0, 1e6, "noise is measured in standard deviations")
        self.head_cls = head_cls
        self.input_noise = float(input_noise)

    @abc.abstractmethod
    def head(self) -> keras.layers.Layer:
        """A new listener's head, not yet built."""

    @abc.abstractmethod
    def lesson(
        self, listener: Listener, message: Message, batch: Batch, candidate_inputs: tf.Tensor, stream: Stream
    ) -> LossTerms:
        """What the listener makes of B messages.

        Args:
          listener: who learns.
          message: what arrived, [B, T].
          batch: the games of this replica.
          candidate_inputs: [N, F], what the listener sees of the inputs of all replicas' games.
          stream: where anything random comes from.

        Returns:
          The loss and the task's metrics, each [B]; "accuracy" is among the metrics where the task has one.
        """

    @abc.abstractmethod
    def without_message(
        self, learnt: Mapping[str, np.ndarray], tested: Mapping[str, np.ndarray], candidates: int
    ) -> dict[str, float]:
        """What a listener reaches that hears nothing, and knows only what is most frequent or the mean in training.

        Args:
          learnt: labels of the training split, each [M, ...].
          tested: labels of the examples tested, each [N, ...].
          candidates: how many there are to choose from, for tasks that choose.

        Returns:
          Metric → value: the accuracy, or the loss where the task has no accuracy, comes first.
        """

    def pictures(self, listener: Listener, message: Message, batch: Batch) -> tuple[tf.Tensor, tf.Tensor] | None:
        """Targets and predictions as images [B, side, side, 3] in [−1, 1], for tasks that draw."""
        return None

    def check_batch(self, batch_size: int) -> None:
        """UserError where a batch of so many games is too small."""
        require_integer("batch_size", batch_size, 1, "it counts the games of a step")

    def check_labels(self, labels: Mapping[str, np.ndarray], data: str) -> None:
        """UserError where the labels [N, ...] of the data set called `data` are not what the task needs."""
        require_labels(self.name, self.labels, labels, data, "task")
