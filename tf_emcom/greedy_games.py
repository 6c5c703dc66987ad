"""The compiled pieces of an evaluation: what greedy agents say, see, hear and choose."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.ops.corruption import erase
from tf_emcom.ops.perturbation import add_gaussian_noise, spread_of
from tf_emcom.ops.selection import take_shown
from tf_emcom.ops.voting import vote
from tf_emcom.seeds import Stream
from tf_emcom.types import Message

# Games of one group that are scored at the same time: the scores of all of 4,096 would leave a processor's cache.
_SCORED_AT_ONCE = 512


class GreedyGames(tf.Module):
    """Plays games on inputs in blocks of K groups of C, with whatever weights speaker and listener hold at the call.

    Each input of a group is the right candidate of one game and a distractor of the C − 1 others. Only scores depend
    on the group: the rest is done input by input, message by message. Each piece compiles once for a shape; weights,
    rows, masks and noise are data.
    """

    def __init__(self, speaker: Speaker, listener: Listener, inputs: np.ndarray, jit_compile: bool) -> None:
        """`inputs` is float32 [N, F], a whole split."""
        super().__init__()
        self.speaker = speaker
        self.listener = listener
        self.inputs = tf.cast(tf.convert_to_tensor(inputs), tf.float32)
        self._pieces = [
            tf.function(function, jit_compile=jit_compile, autograph=False)
            for function in (self._speak, self._see, self._hear, self._play)
        ]
        self.speak, self.see, self.hear, self.play = self._pieces

    @property
    def traces(self) -> int:
        """How often a piece was traced so far, and compiled where XLA compiles."""
        return sum(piece.experimental_get_tracing_count() for piece in self._pieces)

    def _speak(self, rows: tf.Tensor, coefficient: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The speaker's messages about the inputs in rows [blocks, K, C]: [blocks, K, C, T].

        Each input has noise of its own, of `coefficient` standard deviations of the features over its group.
        """

        def speak(members: tf.Tensor, stream: Stream) -> tf.Tensor:
            return _in_groups(members, self.speaker.greedy(self._seen(members, coefficient, stream, "speaker")).symbols)

        return _over_blocks(speak, rows, seed, tf.int32)

    def _see(self, rows: tf.Tensor, coefficient: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The listener's projections of the same inputs, whose noise is other: [blocks, K, C, E]."""

        def see(members: tf.Tensor, stream: Stream) -> tf.Tensor:
            seen = self._seen(members, coefficient, stream, "listener")
            return _in_groups(members, self.listener.head.project_candidates(seen))

        return _over_blocks(see, rows, seed, tf.float32)

    def _seen(self, members: tf.Tensor, coefficient: tf.Tensor, stream: Stream, agent: str) -> tf.Tensor:
        """The inputs in rows [K, C] as an agent sees them, [K · C, F]."""
        inputs = tf.gather(self.inputs, members)
        normal = tf.reshape(stream.stage(agent).normal(inputs.shape[-1]), inputs.shape)
        return _flat(add_gaussian_noise(inputs, coefficient, spread_of(inputs), normal))

    def _hear(self, symbols: tf.Tensor, erasure: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The listener's projections, [blocks, K, C, E], of messages [blocks, K, C, T], each with a mask of its own.

        `erasure` is the probability of each position, [T].
        """

        def hear(said: tf.Tensor, stream: Stream) -> tf.Tensor:
            sent = _flat(said)
            erased = erase(sent, erasure, stream.uniform(sent.shape[-1]), unknown=self.speaker.vocab_size)
            message = Message(self.speaker.grammar.keep_silence(sent, erased))
            heard = self.listener.head.project_messages(self.listener.represent(message))
            return _in_groups(said[..., 0], heard)

        return _over_blocks(hear, symbols, seed, tf.float32)

    def _play(self, heard: tuple[tf.Tensor, ...], candidates: tuple[tf.Tensor, ...]) -> tf.Tensor:
        """Whether L listeners, and then their vote, find each message's candidate among those of its group.

        Args:
          heard: for each listener, its projections of the same messages: [blocks, K, C, E].
          candidates: and of the candidates, alike.

        Returns:
          Bool [blocks, L + 1, K · C], a game's number being that of its input; the last of L + 1 is the vote.
        """
        groups, size = heard[0].shape[1:3]
        games = groups * size
        at_once = min(games, _SCORED_AT_ONCE)
        # Several groups are one slice, so that its n-th row is the n-th game.
        own_group = tf.repeat(tf.reshape(tf.range(games), [groups, size]), size, axis=0) if groups > 1 else None

        def choose(messages: tuple[tf.Tensor, ...], seen: tuple[tf.Tensor, ...]) -> tf.Tensor:
            pairs = zip(messages, seen, strict=True)
            scores = [take_shown(self.listener.head.compare(*pair), own_group) for pair in pairs]
            choices = [tf.argmax(each, axis=-1, output_type=tf.int32) for each in scores]
            return tf.stack([*choices, vote(scores) if len(scores) > 1 else choices[0]])

        def sliced(messages: tf.Tensor) -> tf.Tensor:
            filled = tf.pad(_flat(messages), [[0, -games % at_once], [0, 0]])
            return tf.reshape(filled, [-1, at_once, filled.shape[-1]])

        def play(block: tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]) -> tf.Tensor:
            messages, seen = tuple(map(sliced, block[0])), tuple(map(_flat, block[1]))
            choices = tf.transpose(_map(lambda some: choose(some, seen), messages, tf.int32), [1, 0, 2])
            return tf.reshape(choices, [len(seen) + 1, -1])[:, :games] == tf.tile(tf.range(size), [groups])

        return _map(play, (heard, candidates), tf.bool)


def _flat(grouped: tf.Tensor) -> tf.Tensor:
    """[K, C, E] → [K · C, E]."""
    return tf.reshape(grouped, [-1, grouped.shape[-1]])


def _in_groups(members: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
    """[K · C, E], one for each of the members [K, C] → [K, C, E]."""
    return tf.reshape(found, [*members.shape, found.shape[-1]])


def _over_blocks(
    function: Callable[[tf.Tensor, Stream], tf.Tensor], blocks: tf.Tensor, seed: tf.Tensor, dtype: tf.DType
) -> tf.Tensor:
    """What `function` makes of each block [K, C, ...] and of a stream for its K · C games."""
    games = blocks.shape[1] * blocks.shape[2]

    def run(arguments: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        number, block = arguments
        folded = tf.random.experimental.stateless_fold_in(seed, number, alg="philox")
        return function(block, Stream(folded, tf.constant(0), games, games))

    return _map(run, (tf.range(blocks.shape[0]), blocks), dtype)


def _map(function: Callable[[Any], Any], parts: Any, dtype: tf.DType) -> tf.Tensor:
    # One after the other, so that memory does not grow with their number.
    return tf.map_fn(function, parts, fn_output_signature=dtype, parallel_iterations=1)
