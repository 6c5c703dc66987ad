"""The agents of an export, for use by tests."""

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
from tf_emcom.training.trainee import Agents, Labels
from tf_emcom.training.transfer_learner import strangers, with_messages
from tf_emcom.types import Candidates, Message, Speech

WEIGHTS = (
    "The agents of a SavedModel cannot be restored, trained or exported again; use the run that was exported, with"
    " --workdir=RUN and without --saved_model."
)


class _ExportedAgent:
    """One of the agents of a SavedModel; `index`, int32 [], says which."""

    def __init__(self, model: Any, kind: str) -> None:
        self._model = model
        # A variable, so that a compiled function can use another agent without a new trace.
        self.index = tf.Variable(0, trainable=False, name=kind)

    @property
    def trainable_variables(self) -> list:
        """UserError: the weights are the SavedModel's."""
        raise UserError(WEIGHTS)


class ExportedSpeaker(_ExportedAgent):
    """The methods of a `Speaker` and of its grammar that tests need, computed by the functions of a SavedModel."""

    def __init__(self, model: Any, vocab_size: int, message_length: int) -> None:
        """`vocab_size` is V, `message_length` is T."""
        super().__init__(model, "speaker")
        self.vocab_size, self.message_length = vocab_size, message_length
        self.grammar = self

    def greedy(self, inputs: tf.Tensor) -> Speech:
        """As `Speaker.greedy` for inputs [B, F], but without values and Q-values."""
        said = self._model.greedy(inputs, self.index.read_value())
        symbols = tf.ensure_shape(said["symbols"], (inputs.shape[0], self.message_length))
        policy = (said[name] for name in ("log_probabilities", "entropy", "policy_logits"))
        return Speech(symbols, *policy, value=None, q_values=None, lengths=said["lengths"])

    def mask_after_end(self, sent: tf.Tensor, received: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(self._model.mask_after_end(sent, received), sent.shape)


class ExportedListener(_ExportedAgent):
    """The methods of a `Listener` and of its head that tests need, computed by the functions of a SavedModel.

    Their shapes are those of the methods of the same names.
    """

    def __init__(self, model: Any, predictions: Sequence[int] | None) -> None:
        """`predictions` is the shape of the prediction for one message; None where the listener chooses."""
        super().__init__(model, "listener")
        self._predictions = predictions
        self.head = self

    @property
    def side(self) -> int:
        """The side of the predicted images, in pixels."""
        return self._predictions[0]

    def represent(self, message: Message) -> tf.Tensor:
        return self._model.represent(message.symbols, self.index.read_value())

    def project_messages(self, representation: tf.Tensor) -> tf.Tensor:
        return self._model.project_messages(representation, self.index.read_value())

    def project_candidates(self, candidates: tf.Tensor) -> tf.Tensor:
        return self._model.project_candidates(candidates, self.index.read_value())

    def compare(self, messages: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        return self._model.compare(messages, candidates)

    def scores(self, message: Message, candidates: Candidates) -> tf.Tensor:
        messages, inputs = self.project_messages(self.represent(message)), self.project_candidates(candidates.inputs)
        return take_shown(self.compare(messages, inputs), candidates.shown)

    def predictions(self, message: Message) -> tf.Tensor:
        predicted = self._model.predictions(message.symbols, self.index.read_value())
        return tf.ensure_shape(predicted, (message.symbols.shape[0], *predicted.shape[1:]))


# TensorFlow raises any of these for a damaged file, depending on the damaged byte.
_DAMAGES = (OSError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError, tf.errors.OpError)


class ExportedAgents(Agents):
    """Speakers and listeners that run the functions of a SavedModel; they can be tested, but not trained."""

    def __init__(
        self, game: Rules, features: int, batch_size: int, seed: int = 0, seeds: int = 1, saved_model: str = ""
    ) -> None:
        """Loads the SavedModel from that folder, which holds the seeds; `batch_size` and `seeds` are not used.

        UserError where the folder cannot be read, or its agents need another number of `features`.
        """
        super().__init__()
        self.game, self.seed = game, seed
        model, metadata = _loaded(saved_model)
        if metadata["features"] != features:
            raise UserError(
                f"The agents in {saved_model} take inputs of {metadata['features']} features, but the data set has"
                f" {features}; use the data set that they were trained on."
            )
        self.speakers, self.listeners, self.independent = (
            metadata[name] for name in ("speakers", "listeners", "independent")
        )
        self._seeds = metadata["seeds"]
        self._varied = metadata.get("varied", [{} for _ in self._seeds])  # Older exports do not have it, nor the rest.
        self.shuffled = metadata["shuffled"]  # Whether the run was a control whose messages are about other inputs.
        self._weights = metadata.get("weights", "")  # Older exports do not have it.
        self._speaker = ExportedSpeaker(model, metadata["vocabulary_size"], metadata["message_length"])
        self._listener = ExportedListener(model, metadata["predictions"])

    @property
    def agents(self) -> dict[str, Sequence[keras.Variable]]:
        """UserError: a test was bound to another run's checkpoint, whose weights they cannot take."""
        raise UserError(WEIGHTS)

    def speaker_as(self, index: int) -> ExportedSpeaker:
        self._speaker.index.assign(index)
        return self._speaker

    def listener_as(self, index: int) -> ExportedListener:
        self._listener.index.assign(index)
        return self._listener

    def seeds(self) -> list[int]:
        return list(self._seeds)

    def varied(self) -> list[dict[str, float]]:
        return [dict(run) for run in self._varied]

    def checksum(self) -> str:
        return self._weights


def _loaded(folder: str) -> tuple[Any, dict[str, Any]]:
    require_computation(folder)
    try:
        with files.without_pattern(folder) as plain:
            model = tf.saved_model.load(plain)
        if not hasattr(model, "mask_after_end"):
            # Exports of tf_emcom 0.1.0 may hold the function under its former name.
            model.mask_after_end = model.keep_silence
        return model, json.loads(model.metadata()["json"].numpy())
    except _DAMAGES as error:
        raise UserError(
            f"The SavedModel in {folder} is damaged, or not written by tf-emcom export ({files.reason(error)}); export"
            " the run again, with tf-emcom export --workdir=RUN."
        ) from error


class ExportedTransfer(ExportedAgents):
    """The speaker and the new listener of a transfer run."""

    def prepare(self, inputs: np.ndarray, labels: Labels, data: str) -> tuple[np.ndarray, Labels]:
        return with_messages(self.game, self.subjects(len(inputs)), self.speaker_as(0), inputs, labels, data)

    def subjects(self, count: int) -> np.ndarray | None:
        return strangers(count, self.seed) if self.shuffled else None
