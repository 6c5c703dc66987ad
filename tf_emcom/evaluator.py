"""The inner evaluation loop: greedy agents on held-out inputs."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.data.order import Order
from tf_emcom.ops.corruption import erase
from tf_emcom.ops.perturbation import add_gaussian_noise, spread_of
from tf_emcom.ops.selection import take_shown
from tf_emcom.seeds import Stream, step_stream
from tf_emcom.types import Message

# Games that are played at the same time where C is smaller, as so many groups: enough to keep a processor busy.
_BLOCK = 256
# Games of one group that are scored at the same time: the scores of all of 4,096 would leave a processor's cache.
_SCORED_AT_ONCE = 512


class Condition(NamedTuple):
    """Under what conditions games are played.

    Attributes:
      erasure: the probability of erasure of each of the T symbols; 0 never erases, 1 always does.
      input_noise: the standard deviation of the noise on inputs, in those of the features over a group.
    """

    erasure: tuple[float, ...]
    input_noise: float = 0.0

    @property
    def is_fixed(self) -> bool:
        """Whether nothing is left to chance, so that the same input is always heard alike."""
        return not self.input_noise and set(self.erasure) <= {0.0, 1.0}


class View(NamedTuple):
    """What agents make of inputs."""

    symbols: tf.Tensor  # [..., T] int32, the speaker's message about each
    candidates: tf.Tensor  # [..., E], the listener's projection of each


class Evaluator(tf.Module):
    """Counts successes of a greedy speaker and a greedy listener; nothing is trained.

    Inputs are cut into groups of C: each input is the right candidate of one game and a distractor of the C − 1 others.
    Only scores depend on the group, so speaker and listener look at an input once, and again only where there is input
    noise; the listener reads a message once for each mask. It compiles once per C: all else is data.
    """

    def __init__(self, speaker: Speaker, listener: Listener, inputs: np.ndarray, jit_compile: bool) -> None:
        """`inputs` is float32 [N, F], a whole split."""
        super().__init__()
        self.speaker = speaker
        self.listener = listener
        self.inputs = tf.convert_to_tensor(inputs)
        self._view, self._hear, self._play = (
            tf.function(function, jit_compile=jit_compile, autograph=False)
            for function in (self._view_blocks, self._hear_blocks, self._play_blocks)
        )

    @property
    def traces(self) -> int:
        """How often a piece of the loop was traced so far, and compiled where XLA compiles."""
        return sum(piece.experimental_get_tracing_count() for piece in (self._view, self._hear, self._play))

    def successes(
        self, candidates: Sequence[int], conditions: Sequence[Condition], passes: int, seed: int, split: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Plays shuffled passes over the split, incomplete groups dropped.

        Masks and input noise are drawn afresh for each C, pass, group and game; masks for each condition too.

        Args:
          candidates: K numbers of candidates, C.
          conditions: P of them.
          passes: how many passes.
          seed: of the shuffling, the masks and the input noise.
          split: its name, for the error if it is smaller than a C.

        Returns:
          Successes [K, P] and the number of games behind each, [K].
        """
        orders = [Order(len(self.inputs), count, seed, split) for count in candidates]
        stream = step_stream(seed, tf.constant(0), tf.constant(0), 1, 1)
        clear = self._view(_every_row(len(self.inputs)), tf.constant(0.0), stream.seed)
        won = np.zeros((len(orders), len(conditions)), np.int64)
        for place, condition in enumerate(conditions):
            if condition.is_fixed:
                heard = self._hear(clear.symbols, tf.constant(condition.erasure), stream.seed)
                won[:, place] = [self._fixed(order, passes, heard, clear) for order in orders]
        drawn = {place: condition for place, condition in enumerate(conditions) if not condition.is_fixed}
        for row, order in enumerate(orders):
            for number in range(passes if drawn else 0):
                here = stream.stage(f"{order.batch_size} candidates").stage(f"pass {number}")
                for place, wins in self._drawn(order, number, drawn, clear, here):
                    won[row, place] += wins
        return won, passes * np.array([order.batches_per_epoch * order.batch_size for order in orders])

    def _fixed(self, order: Order, passes: int, heard: tf.Tensor, clear: View) -> int:
        """Successes over all passes where every input is heard alike each time."""
        every_pass = [_rows(order, number) for number in range(passes)]
        return sum(self._wins(order, _at(rows, heard), _at(rows, clear.candidates)) for rows in every_pass)

    def _drawn(
        self, order: Order, number: int, conditions: dict[int, Condition], clear: View, stream: Stream
    ) -> Iterator[tuple[int, int]]:
        """Yields the place of each condition and its successes in one pass; agents look once for each input noise."""
        rows = _rows(order, number)
        for noise in dict.fromkeys(condition.input_noise for condition in conditions.values()):
            if noise:
                view = self._view(rows, tf.constant(noise), stream.stage(f"input noise {noise}").seed)
            else:
                view = View(*(_at(rows, part) for part in clear))
            for place, condition in conditions.items():
                if condition.input_noise == noise:
                    masks = stream.stage(f"condition {place}").seed
                    heard = self._hear(view.symbols, tf.constant(condition.erasure), masks)
                    yield place, self._wins(order, heard, view.candidates)

    def _wins(self, order: Order, heard: tf.Tensor, candidates: tf.Tensor) -> int:
        """Successes in the groups of one pass, without those that only fill the last block."""
        wins = self._play(heard, candidates).numpy().reshape(-1)
        return int(np.count_nonzero(wins[: order.batches_per_epoch * order.batch_size]))

    def _view_blocks(self, rows: tf.Tensor, coefficient: tf.Tensor, seed: tf.Tensor) -> View:
        """What agents make of the inputs in rows [blocks, K, C], each with noise of its own: [blocks, K, C, ...]."""
        groups, size = rows.shape[1:]

        def view(members: tf.Tensor, stream: Stream) -> View:
            inputs = tf.gather(self.inputs, members)
            spread = spread_of(inputs)

            def seen_by(agent: str) -> tf.Tensor:
                normal = tf.reshape(stream.stage(agent).normal(inputs.shape[-1]), inputs.shape)
                return tf.reshape(add_gaussian_noise(inputs, coefficient, spread, normal), [groups * size, -1])

            symbols = self.speaker.greedy(seen_by("speaker")).symbols
            candidates = self.listener.head.candidate_projection(seen_by("listener"))
            return View(*(tf.reshape(part, [groups, size, part.shape[-1]]) for part in (symbols, candidates)))

        return _over_blocks(view, rows, groups * size, seed, View(tf.int32, tf.float32))

    def _hear_blocks(self, symbols: tf.Tensor, erasure: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The listener's projections of messages [blocks, K, C, T], each erased by a mask of its own."""
        groups, size, length = symbols.shape[1:]

        def hear(said: tf.Tensor, stream: Stream) -> tf.Tensor:
            said = tf.reshape(said, [groups * size, length])
            received = erase(said, erasure, stream.uniform(length), unknown=self.speaker.vocab_size)
            heard = self.listener.head.message_projection(self.listener.represent(Message(received)))
            return tf.reshape(heard, [groups, size, heard.shape[-1]])

        return _over_blocks(hear, symbols, groups * size, seed, tf.float32)

    def _play_blocks(self, heard: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """Whether the listener finds each message's candidate among those of its group; [blocks, K, C, E] both."""
        groups, size = heard.shape[1:3]
        games = groups * size
        at_once = min(games, _SCORED_AT_ONCE)
        # Several groups are one slice, so that its n-th row is the n-th game.
        own_group = tf.repeat(tf.reshape(tf.range(games), [groups, size]), size, axis=0) if groups > 1 else None

        def choose(messages: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
            scores = take_shown(self.listener.head.compare(messages, seen), own_group)
            return tf.argmax(scores, axis=-1, output_type=tf.int32)

        def play(block: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            messages, seen = (tf.reshape(part, [games, part.shape[-1]]) for part in block)
            filled = tf.pad(messages, [[0, -games % at_once], [0, 0]])
            slices = tf.reshape(filled, [-1, at_once, filled.shape[-1]])
            choices = _map(lambda some: choose(some, seen), slices, tf.int32)
            return tf.reshape(choices, [-1])[:games] == tf.tile(tf.range(size), [groups])

        return _map(play, (heard, candidates), tf.bool)


def _map(function: Callable[[Any], Any], parts: Any, dtypes: Any) -> Any:
    # One after the other, so that memory does not grow with their number.
    return tf.map_fn(function, parts, fn_output_signature=dtypes, parallel_iterations=1)


def _over_blocks(function: Callable[..., Any], blocks: tf.Tensor, games: int, seed: tf.Tensor, dtypes: Any) -> Any:
    """What `function` makes of each block and of a stream for its games."""

    def run(arguments: tuple[tf.Tensor, tf.Tensor]) -> Any:
        number, block = arguments
        folded = tf.random.experimental.stateless_fold_in(seed, number, alg="philox")
        return function(block, Stream(folded, tf.constant(0), games, games))

    numbers = tf.range(blocks.shape[0])
    return _map(run, (numbers, blocks), dtypes)


def _rows(order: Order, number: int) -> tf.Tensor:
    """The inputs of one pass, as blocks of K groups of C: int32 [blocks, K, C].

    The last block is filled up with groups from the first, so that all blocks have one shape.
    """
    groups = order.batches_per_epoch
    together = min(max(1, _BLOCK // order.batch_size), groups)
    numbers = np.arange(-(-groups // together) * together) % groups
    rows = np.stack([order.indices(number * groups + group) for group in numbers])
    return tf.constant(rows.reshape(-1, together, order.batch_size))


def _every_row(examples: int) -> tf.Tensor:
    """All inputs in order, as blocks of one group; the last is filled up with the first ones."""
    size = min(_BLOCK, examples)
    rows = np.arange(-(-examples // size) * size, dtype=np.int32) % examples
    return tf.constant(rows.reshape(-1, 1, size))


def _at(rows: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
    """The entries of a table in blocks [blocks, 1, size, ...] for rows [...]."""
    return tf.gather(tf.reshape(table, [-1, table.shape[-1]]), rows)
