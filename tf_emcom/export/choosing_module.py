"""What is exported of agents whose listeners choose among candidates."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tf_emcom.export.exported_module import (
    AGENT,
    CANDIDATES,
    INPUTS,
    MESSAGES,
    NOISE,
    SEED,
    Arrays,
    ExportedModule,
    sized,
    traced,
)
from tf_emcom.trainee import Trainee


class ChoosingModule(ExportedModule):
    """Listeners compare a message with candidates.

    Attributes:
      listen: scores and choices of candidates.
      play: whole games, in which the inputs of a batch are each other's distractors.
      represent: what a listener's core makes of messages.
      project_messages: what messages are compared by, of what the core made of them.
      project_candidates: what candidates are compared by.
      compare: scores of both.
    """

    def __init__(self, agents: Trainee, metadata: dict[str, Any], files: Sequence[str]) -> None:
        super().__init__(agents, metadata, files)
        self._head = agents.listener_as(0).head.compare
        self.listen = traced(self._listen, messages=MESSAGES, candidates=CANDIDATES, listener=AGENT)
        self.play = traced(self._play, inputs=INPUTS, noise=NOISE, seed=SEED, speaker=AGENT, listener=AGENT)
        self.represent = traced(self._represent, messages=MESSAGES, listener=AGENT)
        self.project_candidates = traced(self._project_candidates, candidates=INPUTS, listener=AGENT)
        read, projected = _rows_of(self.represent), _rows_of(self.project_candidates)
        self.project_messages = traced(self._project_messages, representation=read, listener=AGENT)
        self.compare = traced(self._compare, messages=projected, candidates=projected)

    def _represent(self, messages: tf.Tensor, listener: tf.Tensor = 0) -> tf.Tensor:
        with self._listeners.acting(listener) as agent:
            return agent.represent(self._heard(messages))

    def _project_messages(self, representation: tf.Tensor, listener: tf.Tensor = 0) -> tf.Tensor:
        with self._listeners.acting(listener) as agent:
            return agent.head.project_messages(representation)

    def _project_candidates(self, candidates: tf.Tensor, listener: tf.Tensor = 0) -> tf.Tensor:
        with self._listeners.acting(listener) as agent:
            return agent.head.project_candidates(sized(candidates, self.features, "Candidates"))

    def _compare(self, messages: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        return self._head(messages, candidates)

    def _listen(self, messages: tf.Tensor, candidates: tf.Tensor, listener: tf.Tensor = 0) -> Arrays:
        games, groups, each = tf.shape(messages)[0], tf.shape(candidates)[0], tf.shape(candidates)[1]
        sentence = "Candidates are [1, C, F], the same for every message, or [B, C, F], its own for each; B and shape:"
        fitting = tf.debugging.Assert((groups == 1) | (groups == games), [sentence, games, tf.shape(candidates)])
        heard = self._project_messages(self._represent(messages, listener), listener)
        flat = self._project_candidates(tf.reshape(candidates, [-1, tf.shape(candidates)[2]]), listener)
        with tf.control_dependencies([fitting]):
            seen = tf.reshape(flat, [groups, each, flat.shape[-1]])
        scores = tf.cond(groups == 1, lambda: self._head(heard, seen[0]), lambda: self._with_their_own(heard, seen))
        return _chosen(scores)

    def _with_their_own(self, heard: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
        """Scores [B, C] of messages [B, E], each compared with candidates [B, C, E] of its own."""
        one = lambda pair: self._head(pair[0][tf.newaxis], pair[1])[0]  # noqa: E731
        return tf.vectorized_map(one, (heard, seen), warn=False)

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
        heard = self._project_messages(self._represent(received, listener), listener)
        scores = self._head(heard, self._project_candidates(inputs, listener))
        return {"messages": said, "received": received, "choices": _chosen(scores)["choices"]}


def _chosen(scores: tf.Tensor) -> Arrays:
    return {"scores": scores, "choices": tf.argmax(scores, axis=-1, output_type=tf.int32)}


def _rows_of(function: Any) -> tf.TensorSpec:
    """Any number of rows like those that a traced function gives."""
    (given,) = function.get_concrete_function().outputs
    return tf.TensorSpec([None, *given.shape[1:]], given.dtype)
