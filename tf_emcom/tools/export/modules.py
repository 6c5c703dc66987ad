"""The modules that an export holds."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.rows import bound
from tf_emcom.ops.noise import erase
from tf_emcom.seeds import Stream
from tf_emcom.training.trainee import Trainee
from tf_emcom.types import Message, Speech

Agent = TypeVar("Agent", bound=keras.Model)


class WeightStack(Generic[Agent]):
    """Agents that share one set of layers: a row of weights for each, so that which of them acts is data.

    It is no `tf.Module`: a module that has one exports the stacks, which it names, and not Keras' layers.

    Attributes:
      kind: "speaker" or "listener".
      count: n.
      stacks: position and name of a weight → [n, ...], in the order of the layers' trainable variables.
    """

    def __init__(self, kind: str, count: int, agent_as: Callable[[int], Agent]) -> None:
        """Takes the weights of agents 0 to `count` − 1; `agent_as` lends the layers to each of them."""
        self.kind = kind
        self.count = count
        rows = [_weights(agent_as(index)) for index in range(count)]
        self._agent = agent_as(0)
        self._variables = self._agent.trainable_variables
        self.stacks = {
            f"{place}_{variable.name}": tf.Variable(np.stack(values), trainable=False, name=f"{kind}_{variable.name}")
            for place, (variable, *values) in enumerate(zip(self._variables, *rows, strict=True))
        }

    @contextlib.contextmanager
    def acting(self, index: tf.Tensor) -> Iterator[Agent]:
        """Within it, the layers compute with the weights of agent `index`, int32 []; an error where there is none."""
        there = f"There is no {self.kind} of this number; the export has {self.kind} 0 to {self.count - 1}:"
        known = tf.debugging.Assert((index >= 0) & (index < self.count), [there, index])
        with tf.control_dependencies([known]):
            row = [tf.gather(stack, index) for stack in self.stacks.values()]
        with bound(self._variables, row):
            yield self._agent


def _weights(agent: keras.Model) -> list[np.ndarray]:
    return [tf.convert_to_tensor(variable.value).numpy() for variable in agent.trainable_variables]


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
      mask_after_end: what arrives of messages that end.
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
        self.mask_after_end = traced(self._keep_silence, sent=MESSAGES, received=MESSAGES)

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
        return self._grammar.mask_after_end(sent, received)

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
        return self._grammar.mask_after_end(symbols, erased)

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
