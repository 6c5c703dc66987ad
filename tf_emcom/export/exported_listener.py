"""A listener out of a SavedModel."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.export.exported_speaker import WEIGHTS
from tf_emcom.ops.selection import take_shown
from tf_emcom.types import Candidates, Message


class ExportedListener:
    """What tests ask of a `Listener` and of its head, answered by a SavedModel's functions.

    Attributes:
      head: itself.
      index: which of the listeners it is, int32 [].
    """

    def __init__(self, model: Any, predictions: Sequence[int] | None) -> None:
        """`model` as TensorFlow loads it; `predictions` is the shape of what is predicted of a message."""
        self._model = model
        self._predictions = predictions
        self.head = self
        self.index = tf.Variable(0, trainable=False, name="listener")

    @property
    def side(self) -> int:
        """The side of the pictures that it draws."""
        return self._predictions[0]

    def represent(self, message: Message) -> tf.Tensor:
        """As a listener's: [B, H] for messages [B, T]."""
        return self._model.represent(message.symbols, self.index.read_value())

    def project_messages(self, representation: tf.Tensor) -> tf.Tensor:
        """As a head's: [B, H] ↦ [B, E]."""
        return self._model.project_messages(representation, self.index.read_value())

    def project_candidates(self, candidates: tf.Tensor) -> tf.Tensor:
        """As a head's: [N, F] ↦ [N, E]."""
        return self._model.project_candidates(candidates, self.index.read_value())

    def compare(self, messages: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """As a head's: [B, E] and [N, E] ↦ [B, N]."""
        return self._model.compare(messages, candidates)

    def scores(self, message: Message, candidates: Candidates) -> tf.Tensor:
        """As a listener's: [B, C]."""
        heard, seen = self.project_messages(self.represent(message)), self.project_candidates(candidates.inputs)
        return take_shown(self.compare(heard, seen), candidates.shown)

    def predictions(self, message: Message) -> tf.Tensor:
        """As a listener's: [B, ...] for messages [B, T]."""
        told = self._model.predictions(message.symbols, self.index.read_value())
        return tf.ensure_shape(told, (message.symbols.shape[0], *told.shape[1:]))

    @property
    def trainable_variables(self) -> list:
        """UserError: the weights are the SavedModel's."""
        raise UserError(WEIGHTS)
