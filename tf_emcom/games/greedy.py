"""The compiled pieces of an evaluation: what greedy agents say, see, hear and choose."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.games.channels import Channel, transmit
from tf_emcom.ops.noise import add_gaussian_noise, spread_of
from tf_emcom.ops.selection import take_shown, vote
from tf_emcom.seeds import Stream

# Games of one group that are scored at the same time: the scores of all of 4,096 would leave a processor's cache.
_SCORED_AT_ONCE = 512


class GreedyGames(tf.Module):
    """Plays games on inputs in blocks of K groups of C, with whatever weights speaker and listener hold at the call.

    Each input of a group is the right candidate of one game and a distractor of the C − 1 others. Only scores depend
    on the group: the rest is done input by input, message by message. Each piece compiles once for a shape; weights,
    rows, masks and noise are data.
    """

    def __init__(
        self, speaker: Speaker, listener: Listener, channel: Channel, inputs: np.ndarray, jit_compile: bool
    ) -> None:
        """`inputs` is float32 [N, F], a whole split; `channel` is one that has `with_noise`."""
        super().__init__()
        self.speaker = speaker
        self.listener = listener
        self.channel = channel
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

    def _speak(
        self, rows: tf.Tensor, coefficient: tf.Tensor, view: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The speaker's messages about the inputs in rows [blocks, K, C], and whether its scores are finite.

        Each input has noise of its own, of `coefficient` standard deviations of the features over its group. It
        depends on the seed and on `view`, int32 []: two agents with one view see the same noise.

        Returns:
          int32 [blocks, K, C, T] and bool [blocks, K, C].
        """

        def speak(members: tf.Tensor, stream: Stream) -> tuple[tf.Tensor, tf.Tensor]:
            speech = self.speaker.greedy(self._seen(members, coefficient, view, stream))
            thought = speech.policy_logits
            finite = tf.ones(members.shape, tf.bool)
            if thought is not None:
                finite = tf.reshape(tf.reduce_all(tf.math.is_finite(thought), axis=[1, 2]), members.shape)
            return _in_groups(members, speech.symbols), finite

        return _over_blocks(speak, rows, seed, (tf.int32, tf.bool))

    def _see(self, rows: tf.Tensor, coefficient: tf.Tensor, view: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The listener's projections of the inputs in rows [blocks, K, C], in some view: [blocks, K, C, E]."""

        def see(members: tf.Tensor, stream: Stream) -> tf.Tensor:
            seen = self._seen(members, coefficient, view, stream)
            return _in_groups(members, self.listener.head.project_candidates(seen))

        return _over_blocks(see, rows, seed, tf.float32)

    def _seen(self, members: tf.Tensor, coefficient: tf.Tensor, view: tf.Tensor, stream: Stream) -> tf.Tensor:
        """The inputs in rows [K, C] as an agent sees them, [K · C, F]."""
        inputs = tf.gather(self.inputs, members)
        normal = tf.reshape(stream.numbered(view).normal(inputs.shape[-1]), inputs.shape)
        return _flat(add_gaussian_noise(inputs, coefficient, spread_of(inputs), normal))

    def _hear(self, symbols: tf.Tensor, noise: tf.Tensor, erased: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The listener's projections of messages that went through the channel, each with draws of its own.

        Args:
          symbols: int32 [blocks, K, C, T].
          noise: float32 [], the channel's.
          erased: bool [T], which positions are lost besides.
          seed: int32 [2].

        Returns:
          [blocks, K, C, E].
        """
        channel = self.channel.with_noise(noise)

        def hear(said: tf.Tensor, stream: Stream) -> tf.Tensor:
            message = transmit(channel, self.speaker, _flat(said), tf.constant(0), stream, erased=erased)
            heard = self.listener.head.project_messages(self.listener.represent(message))
            return _in_groups(said[..., 0], heard)

        return _over_blocks(hear, symbols, seed, tf.float32)

    def _play(
        self, heard: tuple[tf.Tensor, ...], candidates: tuple[tf.Tensor, ...]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Whether L listeners, and then their vote, find each message's candidate among those of its group.

        Args:
          heard: for each listener, its projections of the same messages: [blocks, K, C, E].
          candidates: and of the candidates, alike.

        Returns:
          Bool [blocks, L + 1, K · C], a game's number being that of its input, the last of L + 1 being the vote; and
          whether all scores of a game are finite, bool [blocks, L, K · C].
        """
        groups, size = heard[0].shape[1:3]
        games = groups * size
        at_once = min(games, _SCORED_AT_ONCE)
        # Several groups are one slice, so that its n-th row is the n-th game.
        own_group = tf.repeat(tf.reshape(tf.range(games), [groups, size]), size, axis=0) if groups > 1 else None

        def choose(messages: tuple[tf.Tensor, ...], seen: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, tf.Tensor]:
            pairs = zip(messages, seen, strict=True)
            scores = [take_shown(self.listener.head.compare(*pair), own_group) for pair in pairs]
            choices = [tf.argmax(each, axis=-1, output_type=tf.int32) for each in scores]
            finite = tf.stack([tf.reduce_all(tf.math.is_finite(each), axis=-1) for each in scores])
            return tf.stack([*choices, vote(scores) if len(scores) > 1 else choices[0]]), finite

        def sliced(messages: tf.Tensor) -> tf.Tensor:
            filled = tf.pad(_flat(messages), [[0, -games % at_once], [0, 0]])
            return tf.reshape(filled, [-1, at_once, filled.shape[-1]])

        def whole(slices: tf.Tensor) -> tf.Tensor:
            """[slices, players, at_once] → [players, K · C]."""
            return tf.reshape(tf.transpose(slices, [1, 0, 2]), [slices.shape[1], -1])[:, :games]

        def play(block: tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]) -> tuple[tf.Tensor, tf.Tensor]:
            messages, seen = tuple(map(sliced, block[0])), tuple(map(_flat, block[1]))
            choices, finite = _map(lambda some: choose(some, seen), messages, (tf.int32, tf.bool))
            return whole(choices) == tf.tile(tf.range(size), [groups]), whole(finite)

        return _map(play, (heard, candidates), (tf.bool, tf.bool))


def _flat(grouped: tf.Tensor) -> tf.Tensor:
    """[K, C, E] → [K · C, E]."""
    return tf.reshape(grouped, [-1, grouped.shape[-1]])


def _in_groups(members: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
    """[K · C, E], one for each of the members [K, C] → [K, C, E]."""
    return tf.reshape(found, [*members.shape, found.shape[-1]])


def _over_blocks(
    function: Callable[[tf.Tensor, Stream], Any], blocks: tf.Tensor, seed: tf.Tensor, dtype: Any
) -> Any:
    """What `function` makes of each block [K, C, ...] and of a stream for its K · C games."""
    games = blocks.shape[1] * blocks.shape[2]

    def run(arguments: tuple[tf.Tensor, tf.Tensor]) -> Any:
        number, block = arguments
        folded = tf.random.experimental.stateless_fold_in(seed, number, alg="philox")
        return function(block, Stream(folded, tf.constant(0), games, games))

    return _map(run, (tf.range(blocks.shape[0]), blocks), dtype)


def _map(function: Callable[[Any], Any], parts: Any, dtype: Any) -> Any:
    # One after the other, so that memory does not grow with their number.
    return tf.map_fn(function, parts, fn_output_signature=dtype, parallel_iterations=1)
