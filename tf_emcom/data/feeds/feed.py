"""What every way of feeding games is."""

import abc
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tf_emcom.arguments import Checked
from tf_emcom.data.examples import Examples
from tf_emcom.data.zero_copy import on_host
from tf_emcom.types import Batch


class Feed(Checked, abc.ABC):
    """Says what travels from the host to a replica for given examples, and makes the replica's games of it.

    Attributes:
      where: where the examples lie while steps run, as a part of a sentence.
    """

    where: str

    def __init__(self, examples: Examples, labels: Sequence[str] = ()) -> None:
        """`examples` is a whole split, N of them; `labels` names the labels that games have."""
        self._inputs = on_host(examples.inputs)
        self._labels = {name: on_host(examples.labels[name]) for name in labels}

    @abc.abstractmethod
    def send(self, rows: tf.Tensor) -> Any:
        """What travels for the examples int32 [b, ...]; on the host, beside the running step."""

    @abc.abstractmethod
    def receive(self, sent: Any) -> Batch:
        """The games [b, ...] of what was sent, inputs in float32; in a replica, XLA may compile it."""

    def look_up(self, rows: tf.Tensor) -> Batch:
        """The examples int32 [b, ...] as they are stored; on the host."""
        with tf.device("CPU:0"):
            return batch_of(self._inputs, self._labels, rows)


def batch_of(inputs: tf.Tensor, labels: dict[str, tf.Tensor], rows: tf.Tensor) -> Batch:
    """Rows int32 [b, ...] of inputs [N, F] and of labels, each [N, ...]."""
    return Batch(tf.gather(inputs, rows), {name: tf.gather(values, rows) for name, values in labels.items()})


def in_float32(batch: Batch) -> Batch:
    """The same with inputs in float32, which may be stored as halves."""
    return Batch(tf.cast(batch.inputs, tf.float32), batch.labels)
