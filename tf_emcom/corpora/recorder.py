"""Writing down what agents say and choose."""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from tf_emcom.corpora.answer import Answer
from tf_emcom.corpora.order_of_play import order_of_play
from tf_emcom.corpora.utterances import Utterances
from tf_emcom.data.examples import Examples
from tf_emcom.ops.corruption import erase
from tf_emcom.trainee import Trainee
from tf_emcom.types import Message

# Games that are played at the same time: as many whole groups as fit.
_BLOCK = 1024


class Recorder(tf.Module):
    """Plays every example of a split once for each pair of greedy agents, block by block.

    In memory are one block and the order of the examples, 4 bytes each; inputs may be mapped. It compiles once:
    inputs, agents and noise are data. A permutation of the split, drawn from the seed as the first pass of an
    evaluation is, is cut into groups; the last group is filled up with examples that have their row elsewhere. What is
    erased of a message depends on the seed and the example alone: all pairs suffer the same.
    """

    def __init__(
        self,
        agents: Trainee,
        pairs: Sequence[tuple[int, int]],
        examples: Examples,
        answer: Answer,
        noise: float,
        seed: int,
        jit_compile: bool,
    ) -> None:
        """Says who plays what.

        Args:
          agents: whose.
          pairs: speaker and listener of each.
          examples: a whole split, N examples.
          answer: how listeners answer.
          noise: the probability of erasure.
          seed: of the order and the erasures.
          jit_compile: whether XLA compiles.
        """
        super().__init__()
        self._agents, self._pairs, self._examples, self._answer = agents, pairs, examples, answer
        self._noise, self._seed = noise, seed
        # One model each, in which the agents take turns.
        self._speaker = agents.speaker_as(pairs[0][0])
        self._listener = agents.listener_as(pairs[0][1])
        self._block = tf.function(self._play, jit_compile=jit_compile, autograph=False)

    def blocks(self) -> Iterator[Utterances]:
        """Yields what each pair says, all rows of one pair before those of the next."""
        for speaker, listener in self._pairs:
            for rows, own in self._rows():
                # Asked for each time, since whoever gets the blocks may let other agents speak.
                self._agents.speaker_as(speaker)
                self._agents.listener_as(listener)
                yield self._utterances(speaker, listener, rows, own)

    def _utterances(self, speaker: int, listener: int, rows: np.ndarray, own: int) -> Utterances:
        """The first `own` of the games about the examples in `rows`, int [B]."""
        inputs = tf.convert_to_tensor(np.asarray(self._examples.inputs[rows]))
        uniform = self._uniform(rows)
        said, heard = self._block(inputs, tf.constant(uniform), tf.constant(self._noise, tf.float32))
        said = {name: values.numpy()[:own] for name, values in said.items()}
        answered = self._answer.answered({name: v.numpy() for name, v in heard.items()}, rows, self._examples)
        answered = {name: v if v is None else v[:own] for name, v in answered._asdict().items()}
        return Utterances(
            id=rows[:own],
            speaker=np.full(own, speaker, np.int32),
            listener=np.full(own, listener, np.int32),
            **said,
            **answered,
            labels={name: np.asarray(values[rows[:own]]) for name, values in self._examples.labels.items()},
        )

    def _play(
        self, inputs: tf.Tensor, uniform: tf.Tensor, noise: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        """What is said of inputs [B, F] and arrives, and what the listener makes of it."""
        inputs = tf.cast(inputs, tf.float32)
        speech = self._speaker.greedy(inputs)
        erased = erase(speech.symbols, noise, uniform, unknown=self._speaker.vocab_size)
        received = self._speaker.grammar.keep_silence(speech.symbols, erased)
        said = {
            "symbols": speech.symbols,
            "length": speech.lengths,
            "log_probability": tf.reduce_sum(speech.log_probs, axis=1),
            "received": received,
        }
        return said, self._answer.heard(self._listener, Message(received), inputs)

    def _rows(self) -> Iterator[tuple[np.ndarray, int]]:
        """Yields the examples of a block, int32 [B], and how many of them, from the first on, have their row there."""
        count, size = len(self._examples.inputs), self._answer.group
        groups = -(-count // size)
        together = size * min(max(1, _BLOCK // size), groups)
        order = order_of_play(count, self._seed)
        for start in range(0, count, together):
            yield order[np.arange(start, start + together) % count], min(together, count - start)

    def _uniform(self, rows: np.ndarray) -> np.ndarray:
        """Draws in [0, 1) that decide what is erased, float32 [B, T], a function of the seed and the row alone."""
        length = self._speaker.message_length
        if self._noise in (0.0, 1.0):
            return np.zeros((len(rows), length), np.float32)
        # The generator of counters: a counter for each row, with room for 2^64 draws behind each.
        counters = (np.random.Philox(key=self._seed, counter=[0, row, 0, 0]) for row in rows.tolist())
        return np.stack([np.random.Generator(counter).random(length, np.float32) for counter in counters])
