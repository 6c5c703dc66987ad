"""The inner evaluation loop: greedy agents on held-out inputs."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from tf_emcom.checks import Checked
from tf_emcom.data.pipeline import Order
from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.success import Wins
from tf_emcom.games.channels import Channel, Erasure
from tf_emcom.games.greedy import GreedyGames
from tf_emcom.seeds import Stream, stage_number, step_stream

# Games that are played at the same time where C is smaller, as so many groups: enough to keep a processor busy.
_BLOCK = 256


class Condition(NamedTuple):
    """Under what conditions games are played.

    Attributes:
      noise: the channel's, in [0, 1].
      input_noise: the standard deviation of the noise on inputs, in those of the features over a group.
      views: 2: speaker and listener see noisy inputs with noise of their own (EaS's robustness); 1: both see the same
        noisy inputs (NEC's games).
      erased: positions of symbols that are lost in every message, whatever the channel does.
    """

    noise: float = 0.0
    input_noise: float = 0.0
    views: int = 2
    erased: tuple[int, ...] = ()

    @property
    def is_fixed(self) -> bool:
        """Whether nothing is left to chance, so that the same input is always heard alike."""
        return not self.input_noise and not self.noise


class View(NamedTuple):
    """What agents make of inputs."""

    symbols: dict[int, tf.Tensor]  # speaker → [..., T] int32, its message about each
    candidates: dict[int, tf.Tensor]  # listener → [..., E], its projection of each


class Tested(Protocol):
    """What is needed of the agents: those of a `Trainee`."""

    def pairs(self) -> list[tuple[int, int]]:
        """Which speaker is tested with which listener."""

    def listeners_of(self) -> dict[int, list[int]]:
        """Each speaker that is tested ↦ its listeners."""

    def speaker_as(self, index: int) -> Any:
        """The speaker, with the weights of speaker `index`."""

    def listener_as(self, index: int) -> Any:
        """The listener, with the weights of listener `index`."""


class Pass(NamedTuple):
    """A shuffled pass over the split, for one number of candidates.

    Attributes:
      blocks: int32 [blocks, K, C], its groups; the last block is filled up with groups from the first.
      games: int32 [games], the input that each game is about, without those that only fill up.
    """

    blocks: tf.Tensor
    games: np.ndarray

    @classmethod
    def of(cls, order: Order, number: int) -> "Pass":
        """The pass with that number."""
        groups = order.batches_per_epoch
        together = min(max(1, _BLOCK // order.batch_size), groups)
        numbers = np.arange(-(-groups // together) * together) % groups
        rows = np.stack([order.indices(number * groups + group) for group in numbers])
        blocks = tf.constant(rows.reshape(-1, together, order.batch_size))
        return cls(blocks, rows.reshape(-1)[: groups * order.batch_size])


class Evaluator(Checked):
    """Counts successes of greedy speakers and greedy listeners; nothing is trained.

    Inputs are cut into groups of C: each input is the right candidate of one game and a distractor of the C − 1 others.
    Only scores depend on the group, so a speaker and a listener look at an input once, and again only where there is
    input noise; a listener reads a message of a speaker once for each mask. All pairs play the same games, with the
    same masks and the same noise, so that they can be compared and their listeners can vote. It compiles once per C:
    all else is data, agents too. In memory are what all speakers say and all listeners make of the candidates, but of
    the messages only what they make of one speaker's; and, for one C or one cell, how often each pair found each input.

    Attributes:
      pairs: speaker and listener of each pair, those of one speaker beside each other.
      speakers: each speaker of a pair.
      channel: through which messages go.
    """

    def __init__(self, agents: Tested, inputs: np.ndarray, jit_compile: bool, channel: Channel | None = None) -> None:
        """Tests the pairs that `agents` names, each of whose speakers has as many listeners, on a whole split.

        Args:
          agents: whose.
          inputs: float32 [N, F].
          jit_compile: whether XLA compiles.
          channel: through which messages go, with the noise of each condition; None: Erasure.
        """
        self._agents = agents
        self._listeners_of = agents.listeners_of()
        self.speakers = list(self._listeners_of)
        self.pairs = agents.pairs()
        self.channel = Erasure(0.0) if channel is None else channel
        self._examples = len(inputs)
        # One model each, in which the agents take turns.
        speaker, listener = self.pairs[0]
        self._games = GreedyGames(
            agents.speaker_as(speaker), agents.listener_as(listener), self.channel, inputs, jit_compile
        )

    @property
    def traces(self) -> int:
        """How often a piece of the loop was traced so far, and compiled where XLA compiles."""
        return self._games.traces

    def successes(
        self,
        candidates: Sequence[int],
        conditions: Sequence[Condition],
        passes: int,
        seed: int,
        split: str,
        cells: Sequence[Sequence[int]] | None = None,
    ) -> Wins:
        """Plays shuffled passes over the split, incomplete groups dropped.

        Masks and input noise are drawn afresh for each C, pass, group and game; masks for each condition too.

        Args:
          candidates: K numbers of candidates, C.
          conditions: P of them.
          passes: how many passes.
          seed: of the shuffling, the masks and the input noise.
          split: its name, for the error if it is smaller than a C.
          cells: the places of the conditions that are pooled, Q lists; None: each is a cell of its own.

        Returns:
          Successes and games.

        Raises:
          UserError: a C is larger than the split, or an agent's scores are not finite.
        """
        orders = [Order(self._examples, count, seed, split) for count in candidates]
        stream = step_stream(seed, tf.constant(0), tf.constant(0), 1, 1)
        clear = self._look(_every_row(self._examples), Condition(), stream)
        cells = [[place] for place in range(len(conditions))] if cells is None else cells
        listeners = len(self.pairs) // len(self.speakers)
        wins = Wins.none(len(self.speakers), listeners, len(orders), len(conditions), len(cells))
        played = [_played(order, passes) for order in orders]
        wins.games[:], wins.inputs[:] = [each.sum() for each in played], [np.count_nonzero(each) for each in played]
        drawn: dict[int, dict[int, Condition]] = {}
        for cell, places in enumerate(cells):
            here = {place: conditions[place] for place in places}
            if not all(condition.is_fixed for condition in here.values()):
                drawn[cell] = here
                continue
            by_input = [self._no_wins(passes, cells) for _ in orders]
            for kind, place, speaker, games, won in self._fixed(orders, passes, here, clear, stream):
                wins.add(speaker, kind, place, won.sum(axis=1))
                by_input[kind][speaker][:, games] += won
            for kind, found in enumerate(by_input):
                wins.close(kind, cell, found, played[kind] * len(places))
        cell_of = {place: cell for cell, places in drawn.items() for place in places}
        every = {place: conditions[place] for place in sorted(cell_of)}
        for kind, order in enumerate(orders if drawn else ()):
            counts = {cell: self._no_wins(passes, cells) for cell in drawn}
            for number in range(passes):
                here = stream.stage(f"{order.batch_size} candidates").stage(f"pass {number}")
                for place, speaker, games, won in self._drawn(Pass.of(order, number), every, clear, here):
                    wins.add(speaker, kind, place, won.sum(axis=1))
                    counts[cell_of[place]][speaker][:, games] += won
            for cell, found in counts.items():
                wins.close(kind, cell, found, played[kind] * len(cells[cell]))
        return wins

    def _no_wins(self, passes: int, cells: Sequence[Sequence[int]]) -> np.ndarray:
        """How often each pair and each vote found each input in a cell: zeros [speakers, listeners + 1, N]."""
        listeners = len(self.pairs) // len(self.speakers)
        kind = np.min_scalar_type(passes * max(map(len, cells)))
        return np.zeros((len(self.speakers), listeners + 1, self._examples), kind)

    def _look(self, rows: tf.Tensor, condition: Condition, stream: Stream) -> View:
        """What every agent makes of the inputs in rows [blocks, K, C]; UserError where it is no finite number."""
        coefficient, symbols, candidates = tf.constant(condition.input_noise), {}, {}
        own, other = (tf.constant(stage_number(agent)) for agent in ("speaker", "listener"))
        for speaker in self.speakers:
            self._agents.speaker_as(speaker)
            symbols[speaker], finite = self._games.speak(rows, coefficient, own, stream.seed)
            self._require_finite(finite, rows, f"speaker {speaker}", condition)
        for listener in dict.fromkeys(listener for _, listener in self.pairs):
            self._agents.listener_as(listener)
            view = own if condition.views == 1 else other
            candidates[listener] = self._games.see(rows, coefficient, view, stream.seed)
        return View(symbols, candidates)

    def _heard(self, speaker: int, view: View, condition: Condition, stream: Stream) -> tuple[tf.Tensor, ...]:
        """What each of a speaker's listeners makes of its messages, all with the same masks."""
        symbols, noise, heard = view.symbols[speaker], tf.constant(condition.noise), []
        erased = tf.constant([t in condition.erased for t in range(symbols.shape[-1])])
        for listener in self._listeners_of[speaker]:
            self._agents.listener_as(listener)
            heard.append(self._games.hear(symbols, noise, erased, stream.seed))
        return tuple(heard)

    def _fixed(
        self, orders: Sequence[Order], passes: int, conditions: dict[int, Condition], clear: View, stream: Stream
    ) -> Iterator[tuple[int, int, int, np.ndarray, np.ndarray]]:
        """Plays all passes where every input is heard alike each time.

        Yields:
          The place of a C, of a condition and of a speaker, the inputs of the games of a pass, and who won: [L + 1,
          games].
        """
        for place, condition in conditions.items():
            for number, speaker in enumerate(self.speakers):
                heard = self._heard(speaker, clear, condition, stream)
                for kind, order in enumerate(orders):
                    for one in (Pass.of(order, pass_number) for pass_number in range(passes)):
                        candidates = clear.candidates.items()
                        seen = {i: _at(one.blocks, part) for i, part in candidates if i in self._listeners_of[speaker]}
                        there = tuple(_at(one.blocks, part) for part in heard)
                        yield kind, place, number, one.games, self._won(one, speaker, there, seen, condition)

    def _drawn(
        self, one: Pass, conditions: dict[int, Condition], clear: View, stream: Stream
    ) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
        """Plays one pass under all conditions; agents look once for each kind of input noise.

        Yields:
          The place of a condition and of a speaker, the inputs of the games, and who won: [L + 1, games].
        """
        kinds = {place: (condition.input_noise, condition.views) for place, condition in conditions.items()}
        for kind in dict.fromkeys(kinds.values()):
            alike = [place for place in conditions if kinds[place] == kind]
            if kind[0]:
                noisy = stream.stage(f"input noise {kind[0]}")
                view = self._look(one.blocks, conditions[alike[0]], noisy)
            else:
                view = View(*({agent: _at(one.blocks, part) for agent, part in parts.items()} for parts in clear))
            for place in alike:
                masks = stream.stage(f"condition {place}")
                for number, speaker in enumerate(self.speakers):
                    heard = self._heard(speaker, view, conditions[place], masks)
                    won = self._won(one, speaker, heard, view.candidates, conditions[place])
                    yield place, number, one.games, won

    def _won(
        self,
        one: Pass,
        speaker: int,
        heard: tuple[tf.Tensor, ...],
        candidates: dict[int, tf.Tensor],
        condition: Condition,
    ) -> np.ndarray:
        """Which games of a pass a speaker's listeners and their vote win, bool [L + 1, games]."""
        audience = self._listeners_of[speaker]
        won, finite = self._games.play(heard, tuple(candidates[listener] for listener in audience))
        for place, listener in enumerate(audience):
            who = f"listener {listener} about messages of speaker {speaker}, {one.blocks.shape[-1]} candidates,"
            self._require_finite(finite[:, place], one.blocks, who, condition)
        by_player = won.numpy().transpose(1, 0, 2).reshape(len(heard) + 1, -1)
        return by_player[:, : len(one.games)]

    def _require_finite(self, finite: tf.Tensor, rows: tf.Tensor, who: str, condition: Condition) -> None:
        """UserError, with an input that it is about, unless scores are finite; both tensors [blocks, ...].

        What is chosen by scores that are none is chosen by chance, and is not to be taken for a measurement.
        """
        if np.all(finite):
            return
        rows = np.reshape(rows, -1)
        # The noise on inputs depends on a whole group, so that one bad input spoils the scores of others.
        good = np.isfinite(self._games.inputs.numpy()[rows]).all(axis=1)
        row = rows[np.argmin(np.reshape(finite, -1)[: len(rows)] if good.all() else good)]
        noises = f"noise {condition.noise:g}, input noise {condition.input_noise:g}"
        raise UserError(
            f"The scores of {who} at {noises} are not finite numbers for the input in row {row} of the split or a"
            " candidate beside it: the data or the weights hold NaN or infinity, or numbers too large; look at that"
            " row, or restore an earlier checkpoint."
        )


def _played(order: Order, passes: int) -> np.ndarray:
    """How many games a pair plays about each input under one condition, int [N]."""
    about = np.concatenate([Pass.of(order, number).games for number in range(passes)])
    return np.bincount(about, minlength=order.examples)


def _every_row(examples: int) -> tf.Tensor:
    """All inputs in order, as blocks of one group; the last is filled up with the first ones."""
    size = min(_BLOCK, examples)
    rows = np.arange(-(-examples // size) * size, dtype=np.int32) % examples
    return tf.constant(rows.reshape(-1, 1, size))


def _at(rows: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
    """The entries of a table in blocks [blocks, 1, size, ...] for rows [...]."""
    return tf.gather(tf.reshape(table, [-1, table.shape[-1]]), rows)
