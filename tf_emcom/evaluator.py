"""The inner evaluation loop: greedy agents on held-out inputs."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from tf_emcom.arguments import Checked
from tf_emcom.data.order import Order
from tf_emcom.greedy_games import GreedyGames
from tf_emcom.metrics.wins import Wins
from tf_emcom.seeds import Stream, step_stream

# Games that are played at the same time where C is smaller, as so many groups: enough to keep a processor busy.
_BLOCK = 256


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

    symbols: dict[int, tf.Tensor]  # speaker → [..., T] int32, its message about each
    candidates: dict[int, tf.Tensor]  # listener → [..., E], its projection of each


class Tested(Protocol):
    """What is needed of the agents: those of a `Trainee`."""

    def pairs(self) -> list[tuple[int, int]]:
        """Which speaker is tested with which listener."""

    def audiences(self) -> dict[int, list[int]]:
        """Each speaker that is tested ↦ its listeners."""

    def speaker_as(self, index: int) -> Any:
        """The speaker, with the weights of speaker `index`."""

    def listener_as(self, index: int) -> Any:
        """The listener, with the weights of listener `index`."""


class Evaluator(Checked):
    """Counts successes of greedy speakers and greedy listeners; nothing is trained.

    Inputs are cut into groups of C: each input is the right candidate of one game and a distractor of the C − 1 others.
    Only scores depend on the group, so a speaker and a listener look at an input once, and again only where there is
    input noise; a listener reads a message of a speaker once for each mask. All pairs play the same games, with the
    same masks and the same noise, so that they can be compared and their listeners can vote. It compiles once per C:
    all else is data, agents too. In memory are what all speakers say and all listeners make of the candidates, but of
    the messages only what they make of one speaker's.

    Attributes:
      pairs: speaker and listener of each pair, those of one speaker beside each other.
      speakers: each speaker of a pair.
    """

    def __init__(self, agents: Tested, inputs: np.ndarray, jit_compile: bool) -> None:
        """Tests the pairs that `agents` names, each of whose speakers has as many listeners, on a whole split.

        Args:
          agents: whose.
          inputs: float32 [N, F].
          jit_compile: whether XLA compiles.
        """
        self._agents = agents
        self._audiences = agents.audiences()
        self.speakers = list(self._audiences)
        self.pairs = agents.pairs()
        self._examples = len(inputs)
        # One model each, in which the agents take turns.
        first_speaker, first_listener = self.pairs[0]
        self._games = GreedyGames(
            agents.speaker_as(first_speaker), agents.listener_as(first_listener), inputs, jit_compile
        )

    @property
    def traces(self) -> int:
        """How often a piece of the loop was traced so far, and compiled where XLA compiles."""
        return self._games.traces

    def successes(
        self, candidates: Sequence[int], conditions: Sequence[Condition], passes: int, seed: int, split: str
    ) -> Wins:
        """Plays shuffled passes over the split, incomplete groups dropped.

        Masks and input noise are drawn afresh for each C, pass, group and game; masks for each condition too.

        Args:
          candidates: K numbers of candidates, C.
          conditions: P of them.
          passes: how many passes.
          seed: of the shuffling, the masks and the input noise.
          split: its name, for the error if it is smaller than a C.

        Returns:
          Successes and games.
        """
        orders = [Order(self._examples, count, seed, split) for count in candidates]
        stream = step_stream(seed, tf.constant(0), tf.constant(0), 1, 1)
        clear = self._look(_every_row(self._examples), 0.0, stream)
        listeners = len(self.pairs) // len(self.speakers)
        won = np.zeros((len(self.speakers), listeners + 1, len(orders), len(conditions)), np.int64)
        for place, condition in enumerate(conditions):
            for number, speaker in enumerate(self.speakers if condition.is_fixed else ()):
                heard = self._heard(speaker, clear, condition, stream)
                for row, order in enumerate(orders):
                    won[number, :, row, place] = self._fixed(order, passes, speaker, heard, clear)
        drawn = {place: condition for place, condition in enumerate(conditions) if not condition.is_fixed}
        for row, order in enumerate(orders):
            for number in range(passes if drawn else 0):
                here = stream.stage(f"{order.batch_size} candidates").stage(f"pass {number}")
                for place, wins in self._drawn(order, number, drawn, clear, here):
                    won[:, :, row, place] += wins
        games = passes * np.array([order.batches_per_epoch * order.batch_size for order in orders])
        return Wins(won[:, :-1].reshape(-1, *won.shape[2:]), won[:, -1], games)

    def _look(self, rows: tf.Tensor, noise: float, stream: Stream) -> View:
        """What every agent makes of the inputs in rows [blocks, K, C]."""
        coefficient, symbols, candidates = tf.constant(noise), {}, {}
        for speaker in self.speakers:
            self._agents.speaker_as(speaker)
            symbols[speaker] = self._games.speak(rows, coefficient, stream.seed)
        for listener in dict.fromkeys(listener for _, listener in self.pairs):
            self._agents.listener_as(listener)
            candidates[listener] = self._games.see(rows, coefficient, stream.seed)
        return View(symbols, candidates)

    def _heard(self, speaker: int, view: View, condition: Condition, stream: Stream) -> tuple[tf.Tensor, ...]:
        """What each of a speaker's listeners makes of its messages, all with the same masks."""
        erasure, heard = tf.constant(condition.erasure), []
        for listener in self._audiences[speaker]:
            self._agents.listener_as(listener)
            heard.append(self._games.hear(view.symbols[speaker], erasure, stream.seed))
        return tuple(heard)

    def _fixed(
        self, order: Order, passes: int, speaker: int, heard: tuple[tf.Tensor, ...], clear: View
    ) -> np.ndarray:
        """Successes with a speaker over all passes where every input is heard alike each time, [L + 1]."""
        won = np.zeros(len(heard) + 1, np.int64)
        for number in range(passes):
            rows = _rows(order, number)
            seen = {listener: _at(rows, clear.candidates[listener]) for listener in self._audiences[speaker]}
            won += self._wins(order, speaker, tuple(_at(rows, part) for part in heard), seen)
        return won

    def _drawn(
        self, order: Order, number: int, conditions: dict[int, Condition], clear: View, stream: Stream
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Yields the place of each condition and its successes in one pass, [speakers, L + 1].

        Agents look once for each input noise.
        """
        rows = _rows(order, number)
        for noise in dict.fromkeys(condition.input_noise for condition in conditions.values()):
            if noise:
                view = self._look(rows, noise, stream.stage(f"input noise {noise}"))
            else:
                view = View(*({agent: _at(rows, part) for agent, part in parts.items()} for parts in clear))
            for place, condition in conditions.items():
                if condition.input_noise == noise:
                    masks = stream.stage(f"condition {place}")
                    won = []
                    for speaker in self.speakers:
                        heard = self._heard(speaker, view, condition, masks)
                        won.append(self._wins(order, speaker, heard, view.candidates))
                    yield place, np.stack(won)

    def _wins(
        self, order: Order, speaker: int, heard: tuple[tf.Tensor, ...], candidates: dict[int, tf.Tensor]
    ) -> np.ndarray:
        """Successes of a speaker's listeners and of their vote in one pass, [L + 1].

        Without the groups that only fill the last block.
        """
        wins = self._games.play(heard, tuple(candidates[listener] for listener in self._audiences[speaker])).numpy()
        by_player = wins.transpose(1, 0, 2).reshape(len(heard) + 1, -1)
        return np.count_nonzero(by_player[:, : order.batches_per_epoch * order.batch_size], axis=1)


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
