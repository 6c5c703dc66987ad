"""The agents of a SavedModel, in place of those of a run."""

import json
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.export.exported_listener import ExportedListener
from tf_emcom.export.exported_speaker import WEIGHTS, ExportedSpeaker
from tf_emcom.export.operations import require_computation
from tf_emcom.rules import Rules
from tf_emcom.trainee import Metrics, Trainee
from tf_emcom.types import Batch

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
    def memories(self) -> dict[str, Sequence[keras.Variable]]:
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
