"""The modules that an export holds."""

import abc
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
from tf_emcom.training.trainee import Agents
from tf_emcom.types import Message, Speech

Agent = TypeVar("Agent", bound=keras.Model)


class WeightStack(Generic[Agent]):
    """Agents that share one set of layers, with a row of weights for each, so that the acting agent is an argument.

    It is not a `tf.Module`, so that a module that has one exports the stacks, which it names, and not Keras' layers.

    Attributes:
      stacks: position and name of a weight → [n, ...], in the order of the layers' trainable variables.
    """

    def __init__(self, kind: str, count: int, agent_as: Callable[[int], Agent]) -> None:
        """Copies the weights of agents 0 to `count` − 1; `agent_as` returns the layers with the weights of one."""
        self._kind, self._count = kind, count
        rows = [
            [tf.convert_to_tensor(variable.value).numpy() for variable in agent_as(index).trainable_variables]
            for index in range(count)
        ]
        self._agent = agent_as(0)
        self._variables = self._agent.trainable_variables
        self.stacks = {
            f"{place}_{variable.name}": tf.Variable(np.stack(values), trainable=False, name=f"{kind}_{variable.name}")
            for place, (variable, *values) in enumerate(zip(self._variables, *rows, strict=True))
        }

    @contextlib.contextmanager
    def acting(self, index: tf.Tensor) -> Iterator[Agent]:
        """Inside, the layers compute with the weights of agent `index`, int32 []; an error where it does not exist."""
        sentence = f"There is no {self._kind} of this number; the export has {self._kind} 0 to {self._count - 1}:"
        index = asserted(index, (index >= 0) & (index < self._count), sentence, index)
        with bound(self._variables, [tf.gather(stack, index) for stack in self.stacks.values()]):
            yield self._agent


# Ranks alone: TensorFlow does not check the sizes of a signature's arguments, so the functions check them.
INPUTS = tf.TensorSpec([None, None], tf.float32)
MESSAGES = tf.TensorSpec([None, None], tf.int32)
CANDIDATES = tf.TensorSpec([None, None, None], tf.float32)
AGENT, NOISE, SEED = tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.int64)

Arrays = dict[str, tf.Tensor]


class ExportedModule(tf.Module, abc.ABC):
    """Functions of trained agents, saved with all their weights, that run without this library; see docs/export.md.

    The module holds every agent of a run; the agents that act are arguments. Numbers of games and of candidates are
    free; features F and symbols T are fixed. `speak`, `listen`, `play` and `metadata` are for users. Tests of trained
    agents use the others, which compute what the methods of the same names of `Speaker`, `Listener`, head and grammar
    do. Subclasses define what listeners do.
    """

    listen: Callable[..., Arrays]

    def __init__(self, agents: Agents, metadata: dict[str, Any], files: Sequence[str]) -> None:
        """Copies all weights; `metadata` is that of `contents.describe`, and the files at these paths become assets."""
        super().__init__(name="agents")
        self.features, self.length = metadata["features"], metadata["message_length"]
        self._unknown = metadata["unknown_symbol"]
        self._grammar = agents.speaker_as(0).grammar
        self._speakers = WeightStack("speaker", agents.speakers, agents.speaker_as)
        self._listeners = WeightStack("listener", agents.listeners, agents.listener_as)
        self.speaker_weights, self.listener_weights = self._speakers.stacks, self._listeners.stacks
        self.files = [tf.saved_model.Asset(path) for path in files]
        text = json.dumps(metadata)
        self.metadata = traced(lambda: {"json": tf.constant(text)})
        self.speak = traced(self._speak, inputs=INPUTS, speaker=AGENT)
        self.greedy = traced(self._greedy, inputs=INPUTS, speaker=AGENT)
        self.mask_after_end = traced(self._grammar.mask_after_end, sent=MESSAGES, received=MESSAGES)
        self.play = traced(self._play, inputs=INPUTS, noise=NOISE, seed=SEED, speaker=AGENT, listener=AGENT)

    @property
    def signatures(self) -> dict[str, Callable[..., Arrays]]:
        """Name → function, of the SavedModel's signatures."""
        return {"speak": self.speak, "metadata": self.metadata, "listen": self.listen, "play": self.play}

    @abc.abstractmethod
    def _answers(self, messages: tf.Tensor, inputs: tf.Tensor, listener: tf.Tensor) -> Arrays:
        """What a listener answers to messages [B, T] about inputs [B, F]."""

    def _speak(self, inputs: tf.Tensor, speaker: tf.Tensor = 0) -> Arrays:
        said = self._speech(inputs, speaker)
        return {"symbols": said.symbols, "log_probabilities": said.log_probs, "lengths": said.lengths}

    def _greedy(self, inputs: tf.Tensor, speaker: tf.Tensor = 0) -> Arrays:
        said = self._speech(inputs, speaker)
        spoken = {"symbols": said.symbols, "log_probabilities": said.log_probs, "lengths": said.lengths}
        return {**spoken, "entropy": said.entropy, "policy_logits": said.policy_logits}

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
        return {"messages": said, "received": received, **self._answers(received, inputs, listener)}

    def _speech(self, inputs: tf.Tensor, speaker: tf.Tensor) -> Speech:
        with self._speakers.acting(speaker) as agent:
            return agent.greedy(sized(inputs, self.features, "Inputs"))

    def _received(self, symbols: tf.Tensor, noise: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Messages [B, T] in which each symbol independently becomes UNK with the probability `noise`, [].

        A game's mask is a function of the seed, int64 [], and of its place in the batch.
        """
        noise = asserted(noise, (noise >= 0.0) & (noise <= 1.0), "noise is a probability, 0 to 1, not", noise)
        halves = tf.stack([seed, tf.bitwise.right_shift(seed, 31)])
        words = tf.cast(tf.bitwise.bitwise_and(halves, 0x7FFFFFFF), tf.int32)
        # One draw of the stream for all games, since their number is unknown during tracing.
        stream = Stream(words, tf.constant(0), 1, 1).stage("channel")
        drawn = stream.uniform(tf.shape(symbols)[0], self.length)
        erased = erase(symbols, noise, tf.reshape(drawn, tf.shape(symbols)), unknown=self._unknown)
        return self._grammar.mask_after_end(symbols, erased)

    def _message(self, symbols: tf.Tensor) -> Message:
        """A message of symbols [B, T]; an error of TensorFlow where their number is not T, or one is above V."""
        sentence = f"Symbols are 0 to {self._unknown}, which is UNK; the smallest and the largest given are:"
        inside = tf.reduce_all((symbols >= 0) & (symbols <= self._unknown))
        symbols = asserted(symbols, inside, sentence, tf.reduce_min(symbols), tf.reduce_max(symbols))
        return Message(sized(symbols, self.length, "Messages"))


def asserted(values: tf.Tensor, condition: tf.Tensor, sentence: str, *shown: tf.Tensor) -> tf.Tensor:
    """The values; an error of TensorFlow with the sentence and what is shown, where the condition does not hold."""
    with tf.control_dependencies([tf.debugging.Assert(condition, [sentence, *shown])]):
        return tf.identity(values)


def sized(values: tf.Tensor, size: int, name: str) -> tf.Tensor:
    """The values, with the static size of the last axis set; an error of TensorFlow where it is another one."""
    sentence = f"{name} have {size} in the last axis; the shape given is:"
    values = asserted(values, tf.shape(values)[-1] == size, sentence, tf.shape(values))
    values.set_shape([*values.shape[:-1], size])
    return values


def traced(function: Callable[..., Any], **arguments: tf.TensorSpec) -> Callable[..., Any]:
    """The function, to be traced once, for arguments of these names and shapes."""
    signature = [tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in arguments.items()]
    return tf.function(function, input_signature=signature, autograph=False)


class ChoosingModule(ExportedModule):
    """Agents whose listeners compare messages with candidates; in `play`, these are the inputs of the whole batch."""

    def __init__(self, agents: Agents, metadata: dict[str, Any], files: Sequence[str]) -> None:
        super().__init__(agents, metadata, files)
        self._compare = agents.listener_as(0).head.compare
        self.listen = traced(self._listen, messages=MESSAGES, candidates=CANDIDATES, listener=AGENT)
        self.represent = traced(self._represent, messages=MESSAGES, listener=AGENT)
        self.project_candidates = traced(self._project_candidates, candidates=INPUTS, listener=AGENT)
        read, projected = _rows_of(self.represent), _rows_of(self.project_candidates)
        self.project_messages = traced(self._project_messages, representation=read, listener=AGENT)
        self.compare = traced(self._compare, messages=projected, candidates=projected)

    def _represent(self, messages: tf.Tensor, listener: tf.Tensor = 0) -> tf.Tensor:
        with self._listeners.acting(listener) as agent:
            return agent.represent(self._message(messages))

    def _project_messages(self, representation: tf.Tensor, listener: tf.Tensor = 0) -> tf.Tensor:
        with self._listeners.acting(listener) as agent:
            return agent.head.project_messages(representation)

    def _project_candidates(self, candidates: tf.Tensor, listener: tf.Tensor = 0) -> tf.Tensor:
        with self._listeners.acting(listener) as agent:
            return agent.head.project_candidates(sized(candidates, self.features, "Candidates"))

    def _listen(self, messages: tf.Tensor, candidates: tf.Tensor, listener: tf.Tensor = 0) -> Arrays:
        games, groups, each = tf.shape(messages)[0], tf.shape(candidates)[0], tf.shape(candidates)[1]
        sentence = "Candidates are [1, C, F], the same for every message, or [B, C, F], its own for each; B and shape:"
        candidates = asserted(candidates, (groups == 1) | (groups == games), sentence, games, tf.shape(candidates))
        read = self._project_messages(self._represent(messages, listener), listener)
        flat = self._project_candidates(tf.reshape(candidates, [-1, tf.shape(candidates)[2]]), listener)
        shown = tf.reshape(flat, [groups, each, flat.shape[-1]])
        scores = tf.cond(groups == 1, lambda: self._compare(read, shown[0]), lambda: self._with_their_own(read, shown))
        return {"scores": scores, "choices": _best(scores)}

    def _with_their_own(self, messages: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """Scores [B, C] of messages [B, E], each compared with candidates [B, C, E] of its own."""
        one = lambda pair: self._compare(pair[0][tf.newaxis], pair[1])[0]  # noqa: E731
        return tf.vectorized_map(one, (messages, candidates), warn=False)

    def _answers(self, messages: tf.Tensor, inputs: tf.Tensor, listener: tf.Tensor) -> Arrays:
        read = self._project_messages(self._represent(messages, listener), listener)
        return {"choices": _best(self._compare(read, self._project_candidates(inputs, listener)))}


def _best(scores: tf.Tensor) -> tf.Tensor:
    return tf.argmax(scores, axis=-1, output_type=tf.int32)


def _rows_of(function: Any) -> tf.TensorSpec:
    """Any number of rows like those that a traced function returns."""
    (output,) = function.get_concrete_function().outputs
    return tf.TensorSpec([None, *output.shape[1:]], output.dtype)


class PredictingModule(ExportedModule):
    """Agents whose listeners predict labels or images from the message alone."""

    def __init__(self, agents: Agents, metadata: dict[str, Any], files: Sequence[str]) -> None:
        super().__init__(agents, metadata, files)
        self.listen = traced(self._listen, messages=MESSAGES, listener=AGENT)
        self.predictions = traced(self._predictions, messages=MESSAGES, listener=AGENT)

    def _predictions(self, messages: tf.Tensor, listener: tf.Tensor = 0) -> tf.Tensor:
        with self._listeners.acting(listener) as agent:
            return agent.predictions(self._message(messages))

    def _listen(self, messages: tf.Tensor, listener: tf.Tensor = 0) -> Arrays:
        predicted = self._predictions(messages, listener)
        # Logits of classes [B, L, K] have a best one; images have not.
        choices = {"choices": _best(predicted)} if predicted.shape.rank == 3 else {}
        return {"predictions": predicted, **choices}

    def _answers(self, messages: tf.Tensor, inputs: tf.Tensor, listener: tf.Tensor) -> Arrays:
        return self._listen(messages, listener)
