"""A channel that computes in Python, which TPUs cannot: a user's plug-in, imported in gin."""

import gin
import tensorflow as tf

from tf_emcom.games.channels import Channel
from tf_emcom.types import Message


class PythonChannel(Channel):
    """Passes messages through a Python function, unchanged."""

    def __call__(self, message, vocab_size, step, stream):
        symbols = message.symbols
        said = tf.py_function(lambda ids: ids, [symbols], tf.int32)  # the line that is looked for
        return Message(tf.ensure_shape(said, symbols.shape))

    def noise(self, step):
        return tf.constant(0.0)


gin.external_configurable(PythonChannel, module="tests")
