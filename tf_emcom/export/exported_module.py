"""What of trained agents is exported, whatever their listeners do."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tf_emcom.export.weight_stack import WeightStack
from tf_emcom.ops.corruption import erase
from tf_emcom.seeds import Stream
from tf_emcom.trainee import Trainee
from tf_emcom.types import Message, Speech

Arrays = dict[str, tf.Tensor]


class ExportedModule(tf.Module):
    """Functions of trained agents that are saved with all their weights, and run without this library.

    Every agent of a run is in it, and which of them acts is an argument. Numbers of games and of candidates are free,
    features F and symbols T are fixed. `speak`, `listen` and `play` are for users; the others are the pieces that tests
    of trained agents are made of, as the methods of the same names of `Speaker`, `Listener`, their head and grammar.
    What listeners do is a subclass's.

    Attributes:
      metadata: function without arguments → {"json": string []}.
      speak: what a speaker says, greedily.
      greedy: as `speak`, with what it thought.
      keep_silence: what arrives of messages that end.
      listen: what a listener makes of messages; a subclass's.
      play: whole games; a subclass's.
    """

    listen: Callable[..., Arrays]
    play: Callable[..., Arrays]

    def __init__(self, agents: Trainee, metadata: dict[str, Any], files: Sequence[str]) -> None:
        """Takes all weights as they are now.

        Args:
          agents: whose.
          metadata: what `tf_emcom.export.metadata` tells of them.
          files: paths of files that travel with the SavedModel, as its assets.
        """
        super().__init__(name="agents")
        self.features, self.length = metadata["features"], metadata["message_length"]
        self._unknown = metadata["unknown_symbol"]
        self._grammar = agents.speaker_as(0).grammar
        self._speakers = WeightStack("speaker", agents.speakers, agents.speaker_as)
        self._listeners = WeightStack("listener", agents.listeners, agents.listener_as)
        self.speaker_weights, self.listener_weights = self._speakers.stacks, self._listeners.stacks
        self.files = [tf.saved_model.Asset(path) for path in files]
        self._text = json.dumps(metadata)
        self.metadata = traced(self._metadata)
        self.speak = traced(self._speak, inputs=INPUTS, speaker=AGENT)
        self.greedy = traced(self._greedy, inputs=INPUTS, speaker=AGENT)
        self.keep_silence = traced(self._keep_silence, sent=MESSAGES, received=MESSAGES)

    @property
    def offered(self) -> dict[str, Callable[..., Arrays]]:
        """What the SavedModel offers by name."""
        return {"speak": self.speak, "metadata": self.metadata, "listen": self.listen, "play": self.play}

    def _metadata(self) -> Arrays:
        return {"json": tf.constant(self._text)}

    def _speak(self, inputs: tf.Tensor, speaker: tf.Tensor = 0) -> Arrays:
        told = self._greedy(inputs, speaker)
        return {name: told[name] for name in ("symbols", "log_probabilities", "lengths")}

    def _greedy(self, inputs: tf.Tensor, speaker: tf.Tensor = 0) -> Arrays:
        said = self._speech(inputs, speaker)
        return {
            "symbols": said.symbols,
            "log_probabilities": said.log_probs,
            "lengths": said.lengths,
            "entropy": said.entropy,
            "policy_logits": said.policy_logits,
        }

    def _keep_silence(self, sent: tf.Tensor, received: tf.Tensor) -> tf.Tensor:
        return self._grammar.keep_silence(sent, received)

    def _speech(self, inputs: tf.Tensor, speaker: tf.Tensor) -> Speech:
        with self._speakers.acting(speaker) as agent:
            return agent.greedy(sized(inputs, self.features, "Inputs"))

    def _received(self, symbols: tf.Tensor, noise: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """What arrives of messages [B, T]: each symbol independently becomes UNK with the probability `noise`, [].

        A game's mask is a function of the seed, int64 [], and of its place in the batch.
        """
        probable = tf.debugging.Assert((noise >= 0.0) & (noise <= 1.0), ["noise is a probability, 0 to 1, not", noise])
        halves = tf.stack([seed, tf.bitwise.right_shift(seed, 31)])
        words = tf.cast(tf.bitwise.bitwise_and(halves, 0x7FFFFFFF), tf.int32)
        # All games are one draw of the stream, since their number is not known while it is traced.
        stream = Stream(words, tf.constant(0), 1, 1).stage("channel")
        drawn = stream.uniform(tf.shape(symbols)[0], self.length)
        with tf.control_dependencies([probable]):
            erased = erase(symbols, noise, tf.reshape(drawn, tf.shape(symbols)), unknown=self._unknown)
        return self._grammar.keep_silence(symbols, erased)

    def _heard(self, messages: tf.Tensor) -> Message:
        """Messages [B, T], once it is known that they are of T symbols from 0 to V."""
        sentence = f"Symbols are 0 to {self._unknown}, which is UNK; the smallest and the largest given are:"
        extremes = [tf.reduce_min(messages), tf.reduce_max(messages)]
        inside = tf.reduce_all((messages >= 0) & (messages <= self._unknown))
        with tf.control_dependencies([tf.debugging.Assert(inside, [sentence, *extremes])]):
            return Message(sized(messages, self.length, "Messages"))


# Only ranks: whoever calls a signature is not held to its sizes, so that functions look at sizes themselves.
INPUTS = tf.TensorSpec([None, None], tf.float32)
MESSAGES = tf.TensorSpec([None, None], tf.int32)
CANDIDATES = tf.TensorSpec([None, None, None], tf.float32)
AGENT, NOISE, SEED = tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.int64)


def sized(values: tf.Tensor, size: int, name: str) -> tf.Tensor:
    """The values, whose last axis is known to be of that size; an error of TensorFlow where it is not."""
    sentence = f"{name} have {size} in the last axis; the shape given is:"
    known = tf.debugging.Assert(tf.shape(values)[-1] == size, [sentence, tf.shape(values)])
    with tf.control_dependencies([known]):
        values = tf.identity(values)
    values.set_shape([*values.shape[:-1], size])
    return values


def traced(function: Callable[..., Any], **given: tf.TensorSpec) -> Callable[..., Any]:
    """The function, traced once for arguments of these shapes, whose names it has."""
    signature = [tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in given.items()]
    return tf.function(function, input_signature=signature, autograph=False)
