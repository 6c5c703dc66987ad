"""What agents said and chose, in blocks."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom.data.source import Examples
from tf_emcom.evaluation.corpora.corpus import order_of_play
from tf_emcom.evaluation.player import GreedyPlayer, not_finite
from tf_emcom.games.answers import Answer
from tf_emcom.games.channels import Channel
from tf_emcom.seeds import step_stream
from tf_emcom.training.trainee import Agents
from tf_emcom.types import Message


class Utterances(NamedTuple):
    """A block of B games: what was said about which examples, and what came of it.

    Without `choice` and `success` where the task of the run has no choice.
    """

    id: np.ndarray  # int32 [B] the example's place in its split
    speaker: np.ndarray  # int32 [B]
    listener: np.ndarray  # int32 [B]
    symbols: np.ndarray  # int32 [B, T] the message as it was sent
    length: np.ndarray  # int32 [B] symbols before the message ends; T where messages have no end
    log_probability: np.ndarray  # float32 [B] of the whole message, given the input; nats
    received: np.ndarray  # int32 [B, T] the message as it arrived; UNK, "erased", is V
    choice: np.ndarray | None  # int32 [B] the id of the input that was chosen; of the label's shape: the classes named
    success: np.ndarray | None  # float32 [B] in [0, 1]
    labels: dict[str, np.ndarray]  # each [B, ...], as the data set has them

    def columns(self) -> dict[str, np.ndarray]:
        """Name ↦ [B, ...]: what there is, the labels last and under their own names."""
        own = {name: values for name, values in self._asdict().items() if name != "labels" and values is not None}
        return {**own, **self.labels}


# Games that are played at the same time: as many whole groups as fit.
_BLOCK = 1024


class Recorder(tf.Module):
    """Plays every example of a split once for each pair of greedy agents, block by block.

    In memory are one block and the order of the examples, 4 bytes each; inputs may be mapped. It compiles once:
    inputs and agents are data. A permutation of the split, drawn from the seed as the first pass of an evaluation is,
    is cut into groups; the last group is filled up with examples that have their row elsewhere. What the channel does
    to a message depends on the seed and the example alone: all pairs suffer the same. In a control (`Agents.subjects`)
    messages are about examples that are set aside and have no rows.
    """

    def __init__(
        self,
        agents: Agents,
        pairs: Sequence[tuple[int, int]],
        examples: Examples,
        answer: Answer | None,
        size: int,
        channel: Channel,
        noise: float,
        seed: int,
        jit_compile: bool,
    ) -> None:
        """Sets which pairs of speaker and listener play about which examples, a whole split.

        `answer` is that of the listeners; None: they give none. `size` examples are played together, each of them a
        candidate of all; 1 where it does not matter. At noise 0 of the channel all symbols arrive. `seed` is that of
        the order and of what the channel draws.
        """
        super().__init__()
        self._agents, self._pairs, self._examples, self._answer, self._size = agents, pairs, examples, answer, size
        self._noise, self._seed = noise, seed
        self._subjects = agents.subjects(len(examples.inputs))
        self.count = len(examples.inputs) if self._subjects is None else len(self._subjects)
        # One model each, in which the agents take turns.
        speaker, listener = agents.speaker_as(pairs[0][0]), agents.listener_as(pairs[0][1])
        self.player = GreedyPlayer(speaker, listener, answer, channel, jit_compile)
        self._block = self.player.compiled(self._play)

    @property
    def examples(self) -> Examples:
        """The examples that have rows."""
        inputs, labels = self._examples
        return Examples(inputs[: self.count], {name: values[: self.count] for name, values in labels.items()})

    def blocks(self) -> Iterator[Utterances]:
        """Yields what each pair says, all rows of one pair before those of the next."""
        for speaker, listener in self._pairs:
            for first, rows, own in self._rows():
                # Asked for each time, since whoever gets the blocks may let other agents speak.
                self._agents.speaker_as(speaker)
                self._agents.listener_as(listener)
                yield self._utterances(speaker, listener, first, rows, own)

    def _utterances(self, speaker: int, listener: int, first: int, rows: np.ndarray, own: int) -> Utterances:
        """The first `own` of the games about the examples in `rows`, int [B], that from place `first` on are played."""
        inputs = talked_about = tf.convert_to_tensor(np.asarray(self._examples.inputs[rows]))
        if self._subjects is not None:
            talked_about = tf.convert_to_tensor(np.asarray(self._examples.inputs[self._subjects[rows]]))
        said, heard = self._block(talked_about, inputs, tf.constant(np.int32(first)))
        said = {name: values.numpy()[:own] for name, values in said.items()}
        self._require_finite(np.isfinite(said["log_probability"]), f"speaker {speaker}", rows)
        choice = success = None
        if self._answer is not None:
            choices, finite = (each[0].numpy() for each in heard)
            self._require_finite(finite[:own], f"listener {listener} about messages of speaker {speaker}", rows)
            choice, right = self._answer.judged(choices, rows, self._size, self._examples.labels)
            choice, success = choice[:own], right[:own].mean(axis=1, dtype=np.float32)
        return Utterances(
            id=rows[:own],
            speaker=np.full(own, speaker, np.int32),
            listener=np.full(own, listener, np.int32),
            **said,
            choice=choice,
            success=success,
            labels={name: np.asarray(values[rows[:own]]) for name, values in self._examples.labels.items()},
        )

    def _require_finite(self, finite: np.ndarray, who: str, rows: np.ndarray) -> None:
        """UserError unless the scores about the first examples in `rows` are finite, bool [B]."""
        if not finite.all():
            raise not_finite(f"scores of {who}", f"noise {self._noise:g}", rows[np.argmin(finite)])

    def _play(
        self, talked_about: tf.Tensor, inputs: tf.Tensor, first: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], tuple[tf.Tensor, ...]]:
        """What is said of inputs [B, F] and arrives, and what the listener answers, as `GreedyPlayer.best`."""
        player = self.player
        speech = player.speaker.greedy(tf.cast(talked_about, tf.float32))
        message = Message(speech.symbols)
        if self._noise:
            # Draws go by the place in the order, however it is cut into blocks; the last one may reach beyond the end.
            everywhere = 2 * self.count + _BLOCK
            stream = step_stream(self._seed, tf.constant(0), first, inputs.shape[0], everywhere).stage("channel")
            message = player.arrive(speech.symbols, self._noise, stream)
        said = {
            "symbols": speech.symbols,
            "length": speech.lengths,
            "log_probability": tf.reduce_sum(speech.log_probs, axis=1),
            "received": message.symbols,
        }
        if self._answer is None:
            return said, ()
        read = self._answer.read(player.listener, message)
        seen = self._answer.look(player.listener, tf.cast(inputs, tf.float32))
        return said, player.best((read,), (seen,), self._size)

    def _rows(self) -> Iterator[tuple[int, np.ndarray, int]]:
        """Yields the place of a block in the order, its examples, int32 [B], and how many of these have a row there."""
        count, size = self.count, self._size
        groups = -(-count // size)
        together = size * min(max(1, _BLOCK // size), groups)
        order = order_of_play(count, self._seed)
        for start in range(0, count, together):
            yield start, order[np.arange(start, start + together) % count], min(together, count - start)
