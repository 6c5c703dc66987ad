"""The one player of tests, corpora and example games: what greedy agents say, see, hear and decide."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.errors import UserError
from tf_emcom.games.answers import Answer
from tf_emcom.games.channels import Channel, transmit
from tf_emcom.ops.noise import add_gaussian_noise, spread_of
from tf_emcom.ops.selection import vote
from tf_emcom.seeds import Stream
from tf_emcom.types import Message

# Games of one group that are scored at the same time: the scores of all of 4,096 would leave a processor's cache.
_SCORED_AT_ONCE = 512


def not_finite(what: str, noises: str, row: int) -> UserError:
    """What is raised about scores or metrics that are not finite numbers.

    What is chosen by scores that are none is chosen by chance, and is not to be taken for a measurement.
    """
    return UserError(
        f"The {what} at {noises} are not finite numbers for the input in row {row} of the split or a candidate"
        " beside it: the data or the weights hold NaN or infinity, or numbers too large; look at that row, or restore"
        " an earlier checkpoint."
    )


class GreedyPlayer(tf.Module):
    """Plays greedily in blocks of K groups of C inputs, with whatever weights speaker and listener hold at the call.

    Each input of a group is the right candidate of one game and a distractor of the C − 1 others, where the task
    chooses among inputs. Only scores depend on the group: the rest is done input by input, message by message. Each
    compiled piece, `speak`, `see`, `hear` and `decide`, compiles once for a shape; weights, rows, masks and noise are
    data. `arrive` and `best` are what they are made of, for those who compile a game as a whole, or nothing.
    """

    def __init__(
        self, speaker: Speaker, listener: Listener, answer: Answer | None, channel: Channel, jit_compile: bool
    ) -> None:
        """`answer` is that of the listeners; None: they are not asked."""
        super().__init__()
        self.speaker, self.listener, self.channel = speaker, listener, channel
        self.answer: Answer = answer  # type: ignore[assignment]  # None where no listener is asked
        self._jit_compile = jit_compile
        self._pieces: list[Any] = []
        self.speak, self.see = self.compiled(self._speak), self.compiled(self._see)
        self.hear, self.decide = self.compiled(self._hear), self.compiled(self._decide)

    def compiled(self, function: Callable) -> Any:
        """The function, compiled once for a shape and counted in `traces`."""
        self._pieces.append(tf.function(function, jit_compile=self._jit_compile, autograph=False))
        return self._pieces[-1]

    @property
    def traces(self) -> int:
        """How often a piece was traced so far, and compiled where XLA compiles."""
        return sum(piece.experimental_get_tracing_count() for piece in self._pieces)

    def arrive(
        self, symbols: tf.Tensor, noise: float | tf.Tensor, stream: Stream, erased: tf.Tensor | None = None
    ) -> Message:
        """What arrives of messages [B, T] at a noise of the channel; positions `erased`, bool [T], are lost besides."""
        channel = self.channel.with_noise(noise)
        return transmit(channel, self.speaker, symbols, tf.constant(0), stream, erased=erased)

    def best(self, read: tuple[tf.Tensor, ...], seen: tuple[tf.Tensor, ...], size: int) -> tuple[tf.Tensor, tf.Tensor]:
        """The best scores of each of P listeners, and then of their vote.

        Args:
          read: for each listener, what it made of the same B messages, as `Answer.read`.
          seen: and of the inputs that these are about, as `Answer.look`.
          size: C, the messages and inputs of a group.

        Returns:
          int32 [P + 1, B, L], places in [0, C) or classes; and whether all scores are finite, bool [P, B].
        """
        games = read[0].shape[0]
        at_once = min(games, _SCORED_AT_ONCE)
        parts = tuple(_sliced(each, at_once) for each in read)
        shown: tuple[tf.Tensor, ...] = ()
        if self.answer.chooses_inputs and size < games:
            # Several groups are compared together, and each game shows its own.
            own = (np.arange(games) // size * size)[:, np.newaxis] + np.arange(size)
            shown = (_sliced(tf.constant(own, tf.int32), at_once),)

        def choose(part: tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]) -> tuple[tf.Tensor, tf.Tensor]:
            pairs = zip(part[0], seen, strict=True)
            scores = [self.answer.compare(self.listener, *pair, *(part[1] or [None])) for pair in pairs]
            finite = [tf.reduce_all(tf.math.is_finite(each), axis=list(range(1, each.shape.rank))) for each in scores]
            scores = [tf.reshape(each, [-1, each.shape[-1]]) for each in scores]
            choices = [tf.argmax(each, axis=-1, output_type=tf.int32) for each in scores]
            choices.append(vote(scores) if len(scores) > 1 else choices[0])
            return tf.reshape(tf.stack(choices), [len(choices), at_once, -1]), tf.stack(finite)

        def whole(slices: tf.Tensor) -> tf.Tensor:
            """[slices, players, at_once, ...] → [players, B, ...]."""
            turned = tf.transpose(slices, [1, 0, *range(2, slices.shape.rank)])
            return tf.reshape(turned, [slices.shape[1], -1, *slices.shape[3:]])[:, :games]

        choices, finite = _map(choose, (parts, shown), (tf.int32, tf.bool))
        return whole(choices), whole(finite)

    def _speak(
        self, inputs: tf.Tensor, rows: tf.Tensor, coefficient: tf.Tensor, view: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Messages int32 [blocks, K, C, T] about inputs [N, F] in rows [blocks, K, C], and whether scores are finite.

        Each input has noise of its own, of `coefficient` standard deviations of the features over its group. It
        depends on the seed and on `view`, int32 []: two agents with one view see the same noise.
        """

        def speak(members: tf.Tensor, stream: Stream) -> tuple[tf.Tensor, tf.Tensor]:
            speech = self.speaker.greedy(_noisy(inputs, members, coefficient, view, stream))
            finite = tf.ones(speech.symbols.shape[:1], tf.bool)
            if speech.policy_logits is not None:
                finite = tf.reduce_all(tf.math.is_finite(speech.policy_logits), axis=[1, 2])
            return speech.symbols, finite

        return _over_blocks(speak, rows, seed, (tf.int32, tf.bool))

    def _see(
        self, inputs: tf.Tensor, rows: tf.Tensor, coefficient: tf.Tensor, view: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """What the listener makes of the inputs in rows [blocks, K, C], in some view: [blocks, K, C, E]."""

        def see(members: tf.Tensor, stream: Stream) -> tf.Tensor:
            return self.answer.look(self.listener, _noisy(inputs, members, coefficient, view, stream))

        return _over_blocks(see, rows, seed, tf.float32)

    def _hear(self, symbols: tf.Tensor, noise: tf.Tensor, erased: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """What the listener makes, [blocks, K, C, ...], of messages int32 [blocks, K, C, T] through the channel.

        Each has draws of its own; positions `erased`, bool [T], are lost besides.
        """

        def hear(said: tf.Tensor, stream: Stream) -> tf.Tensor:
            return self.answer.read(self.listener, self.arrive(_flat(said), noise, stream, erased))

        return _over_blocks(hear, symbols, seed, tf.float32)

    def _decide(self, read: tuple[tf.Tensor, ...], seen: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, tf.Tensor]:
        """As `best`, block by block, from what each of P listeners heard and saw, [blocks, K, C, ...].

        Returns int32 [blocks, P + 1, K · C, L] and bool [blocks, P, K · C].
        """
        size = read[0].shape[2]

        def decide(block: tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]) -> tuple[tf.Tensor, tf.Tensor]:
            return self.best(tuple(map(_flat, block[0])), tuple(map(_flat, block[1])), size)

        return _map(decide, (read, seen), (tf.int32, tf.bool))


def _noisy(inputs: tf.Tensor, members: tf.Tensor, coefficient: tf.Tensor, view: tf.Tensor, stream: Stream) -> tf.Tensor:
    """The inputs in rows [K, C] as an agent sees them, [K · C, F]."""
    seen = tf.gather(inputs, members)
    normal = tf.reshape(stream.numbered(view).normal(seen.shape[-1]), seen.shape)
    return _flat(add_gaussian_noise(seen, coefficient, spread_of(seen), normal))


def _sliced(values: tf.Tensor, size: int) -> tf.Tensor:
    """[B, ...] → [slices, size, ...], the last one filled up with zeros."""
    filled = tf.pad(values, [[0, -values.shape[0] % size], *[[0, 0]] * (values.shape.rank - 1)])
    return tf.reshape(filled, [-1, size, *values.shape[1:]])


def _flat(grouped: tf.Tensor) -> tf.Tensor:
    """[K, C, ...] → [K · C, ...]."""
    return tf.reshape(grouped, [grouped.shape[0] * grouped.shape[1], *grouped.shape[2:]])


def _over_blocks(
    function: Callable[[tf.Tensor, Stream], Any], blocks: tf.Tensor, seed: tf.Tensor, dtype: Any
) -> Any:
    """What `function` makes, [K · C, …], of each block [K, C, …] and a stream for its games: [blocks, K, C, …]."""
    groups, size = blocks.shape[1:3]
    games = groups * size

    def run(arguments: tuple[tf.Tensor, tf.Tensor]) -> Any:
        number, block = arguments
        folded = tf.random.experimental.stateless_fold_in(seed, number, alg="philox")
        found = function(block, Stream(folded, tf.constant(0), games, games))
        return tf.nest.map_structure(lambda part: tf.reshape(part, [groups, size, *part.shape[1:]]), found)

    return _map(run, (tf.range(blocks.shape[0]), blocks), dtype)


def _map(function: Callable[[Any], Any], parts: Any, dtype: Any) -> Any:
    # One after the other, so that memory does not grow with their number.
    return tf.map_fn(function, parts, fn_output_signature=dtype, parallel_iterations=1)
