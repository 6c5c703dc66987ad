"""Games that each device gathers from its own memory."""

from collections.abc import Sequence

import tensorflow as tf

from tf_emcom.data.examples import Examples
from tf_emcom.data.feeds.feed import Feed, batch_of, in_float32
from tf_emcom.types import Batch


class ResidentFeed(Feed):
    """Every device holds all examples from the start on; what travels at a step is which of them it plays.

    Made within a strategy's scope, which decides where the copies lie. On a CPU that is the memory where the examples
    lie already.
    """

    where = "on the device"

    def __init__(self, examples: Examples, labels: Sequence[str] = ()) -> None:
        """As for every feed."""
        super().__init__(examples, labels)
        self._resident = tf.Variable(self._inputs, trainable=False, name="inputs")
        self._resident_labels = {
            name: tf.Variable(values, trainable=False, name=name) for name, values in self._labels.items()
        }

    def send(self, rows: tf.Tensor) -> tf.Tensor:
        """The rows."""
        return rows

    def receive(self, sent: tf.Tensor) -> Batch:
        """The games in those rows."""
        # Read first: a gather from the variable itself makes TensorFlow copy all of it, in case somebody writes to it.
        labels = {name: tf.convert_to_tensor(values) for name, values in self._resident_labels.items()}
        return in_float32(batch_of(tf.convert_to_tensor(self._resident), labels, sent))
