"""A speaker out of a SavedModel."""

from typing import Any

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.types import Speech


class ExportedSpeaker:
    """What tests ask of a `Speaker`, answered by a SavedModel's functions.

    Attributes:
      vocab_size: V.
      message_length: T.
      grammar: itself, since all that is asked of one is what becomes of silence.
      index: which of the speakers it is, int32 [].
    """

    def __init__(self, model: Any, vocab_size: int, message_length: int) -> None:
        """`model` as TensorFlow loads it."""
        self._model = model
        self.vocab_size = vocab_size
        self.message_length = message_length
        self.grammar = self
        # A variable, so that a compiled function reads another speaker without being traced again.
        self.index = tf.Variable(0, trainable=False, name="speaker")

    def greedy(self, inputs: tf.Tensor) -> Speech:
        """As a speaker's, for inputs [B, F], without what critics say."""
        told = self._model.greedy(inputs, self.index.read_value())
        symbols = tf.ensure_shape(told["symbols"], (inputs.shape[0], self.message_length))
        thought = (told[name] for name in ("log_probabilities", "entropy", "policy_logits"))
        return Speech(symbols, *thought, value=None, q_values=None, lengths=told["lengths"])

    def keep_silence(self, sent: tf.Tensor, received: tf.Tensor) -> tf.Tensor:
        """As a grammar's, for messages [B, T]."""
        return tf.ensure_shape(self._model.keep_silence(sent, received), sent.shape)

    @property
    def trainable_variables(self) -> list:
        """UserError: the weights are the SavedModel's."""
        raise UserError(WEIGHTS)


WEIGHTS = (
    "The agents of a SavedModel cannot be restored, trained or exported again; use the run that was exported, with"
    " --workdir=RUN and without --saved_model."
)
