"""What is exported of agents whose listeners predict something from the message alone."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tf_emcom.export.exported_module import AGENT, INPUTS, MESSAGES, NOISE, SEED, Arrays, ExportedModule, traced
from tf_emcom.trainee import Trainee


class PredictingModule(ExportedModule):
    """Listeners tell labels, or draw, without candidates.

    Attributes:
      listen: predictions and, of labels, choices.
      play: what a speaker says of inputs, what arrives, and what a listener predicts from it.
      predictions: predictions alone.
    """

    def __init__(self, agents: Trainee, metadata: dict[str, Any], files: Sequence[str]) -> None:
        super().__init__(agents, metadata, files)
        self.listen = traced(self._listen, messages=MESSAGES, listener=AGENT)
        self.play = traced(self._play, inputs=INPUTS, noise=NOISE, seed=SEED, speaker=AGENT, listener=AGENT)
        self.predictions = traced(self._predictions, messages=MESSAGES, listener=AGENT)

    def _predictions(self, messages: tf.Tensor, listener: tf.Tensor = 0) -> tf.Tensor:
        with self._listeners.acting(listener) as agent:
            return agent.predictions(self._heard(messages))

    def _listen(self, messages: tf.Tensor, listener: tf.Tensor = 0) -> Arrays:
        told = self._predictions(messages, listener)
        # Logits of classes [B, L, K] are chosen from; pictures are not.
        chosen = {"choices": tf.argmax(told, axis=-1, output_type=tf.int32)} if told.shape.rank == 3 else {}
        return {"predictions": told, **chosen}

    def _play(
        self,
        inputs: tf.Tensor,
        noise: tf.Tensor = 0.0,
        seed: tf.Tensor = 0,
        speaker: tf.Tensor = 0,
        listener: tf.Tensor = 0,
    ) -> Arrays:
        said = self._speech(inputs, speaker).symbols
        received = self._received(said, noise, seed)
        return {"messages": said, "received": received, **self._listen(received, listener)}
