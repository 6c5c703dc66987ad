"""Agents of an export, as tests use them."""

import json
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.games.lewis import Rules
from tf_emcom.ops.selection import take_shown
from tf_emcom.tools.export.operations import require_computation
from tf_emcom.training.trainee import Metrics, Trainee
from tf_emcom.training.transfer_learner import strangers, with_messages
from tf_emcom.types import Batch, Candidates, Message, Speech


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

    def mask_after_end(self, sent: tf.Tensor, received: tf.Tensor) -> tf.Tensor:
        """As a grammar's, for messages [B, T]."""
        return tf.ensure_shape(self._model.mask_after_end(sent, received), sent.shape)

    @property
    def trainable_variables(self) -> list:
        """UserError: the weights are the SavedModel's."""
        raise UserError(WEIGHTS)


WEIGHTS = (
    "The agents of a SavedModel cannot be restored, trained or exported again; use the run that was exported, with"
    " --workdir=RUN and without --saved_model."
)


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


# TensorFlow tells damage in all of these ways, depending on the byte that is wrong.
_DAMAGES = (OSError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError, tf.errors.OpError)


class ExportedAgents(Trainee):
    """Speakers and listeners that run the functions of a SavedModel of ours; they can be tested, and never learn.

    Attributes:
      shuffled: whether the run was a control, whose messages are about other inputs.
    """

    def __init__(
        self, game: Rules, features: int, batch_size: int, seed: int = 0, seeds: int = 1, saved_model: str = ""
    ) -> None:
        """Loads the SavedModel.

        Args:
          game: the rules.
          features: F of what is talked about.
          batch_size: B, which nothing depends on.
          seed: of the run.
          seeds: how many independent runs it was.
          saved_model: the folder.

        Raises:
          UserError: it cannot be read, or is for inputs of other features.
        """
        super().__init__()
        self.game, self.batch_size, self.seed = game, batch_size, seed
        model, told = _loaded(saved_model)
        if told["features"] != features:
            raise UserError(
                f"The agents in {saved_model} know inputs of {told['features']} features, but the data set has"
                f" {features}; use the data set that they learnt from."
            )
        self.speakers, self.listeners, self.independent = (
            told[name] for name in ("speakers", "listeners", "independent")
        )
        self._seeds = told["seeds"]
        self.shuffled = told.get("shuffled", False)
        self._speaker = ExportedSpeaker(model, told["vocabulary_size"], told["message_length"])
        self._listener = ExportedListener(model, told["predictions"])

    @property
    def agents(self) -> dict[str, Sequence[keras.Variable]]:
        """UserError: there is nothing to restore."""
        raise UserError(WEIGHTS)

    @property
    def optimizer_state(self) -> dict[str, Sequence[keras.Variable]]:
        """UserError: nothing learns."""
        raise UserError(WEIGHTS)

    def speaker_as(self, index: int) -> ExportedSpeaker:
        """The speaker, being speaker `index` until another one is asked for."""
        self._speaker.index.assign(index)
        return self._speaker

    def listener_as(self, index: int) -> ExportedListener:
        """The listener, being listener `index` until another one is asked for."""
        self._listener.index.assign(index)
        return self._listener

    def not_finite(self) -> list[str]:
        """None: weights of an export are not looked at."""
        return []

    def checksum(self) -> str:
        return ""

    def seeds(self) -> list[int]:
        """As they were when the run was exported."""
        return list(self._seeds)

    @property
    def labels(self) -> Sequence[str]:
        """What the task asks about."""
        return self.game.task.labels

    def prepare(self, inputs: np.ndarray, labels: dict[str, np.ndarray], data: str) -> tuple[np.ndarray, dict]:
        """Inputs and labels as they are, once the task has seen that they fit."""
        self.game.task.check_labels(labels, data)
        return inputs, labels

    def gradients(
        self, batch: Batch, candidate_inputs: tf.Tensor, step: tf.Tensor, first_game: tf.Tensor, turn: tf.Tensor
    ) -> tuple[Any, Metrics]:
        """UserError: nothing learns."""
        raise UserError(WEIGHTS)

    def apply(self, gradients: Any, step: tf.Tensor, turn: tf.Tensor) -> None:
        """UserError: nothing learns."""
        raise UserError(WEIGHTS)


def _loaded(folder: str) -> tuple[Any, dict[str, Any]]:
    """A SavedModel and its metadata."""
    require_computation(folder)
    try:
        with files.without_pattern(folder) as plain:
            model = tf.saved_model.load(plain)
        return model, json.loads(model.metadata()["json"].numpy())
    except _DAMAGES as error:
        raise UserError(
            f"The SavedModel in {folder} is damaged, or none of ours ({files.reason(error)}); export the run again,"
            " with bin/export --workdir=RUN."
        ) from error


class ExportedTransfer(ExportedAgents):
    """The speaker and the new listener of a transfer run."""

    def prepare(self, inputs: np.ndarray, labels: dict[str, np.ndarray], data: str) -> tuple[np.ndarray, dict]:
        """The labels, with the speaker's messages where it needs to speak only once."""
        return with_messages(self, self.speaker_as(0), inputs, labels, data)

    def subjects(self, count: int) -> np.ndarray | None:
        """As in the run: other inputs in a control."""
        return strangers(count, self.seed) if self.shuffled else None
