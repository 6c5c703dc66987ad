"""Where numbers must not be rounded to half precision."""

from typing import Any

import tensorflow as tf


def softmax(scores: tf.Tensor) -> tf.Tensor:
    """Softmax over the last axis of [..., N], computed in float32 and given in the scores' own precision."""
    return tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32)), scores.dtype)


def in_full(values: Any) -> Any:
    """A structure of float tensors, each in float32; None stays None."""
    return tf.nest.map_structure(lambda v: v if v is None else tf.cast(v, tf.float32), values)
