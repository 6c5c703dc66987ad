"""The inner evaluation loop: greedy agents on held-out inputs."""

import collections
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom.checks import Checked
from tf_emcom.evaluation.metrics.success import Wins
from tf_emcom.evaluation.passes import Passes, PassesInOrder, every_row, start
from tf_emcom.evaluation.player import GreedyPlayer, not_finite
from tf_emcom.games.answers import Answer, ChosenInput
from tf_emcom.games.channels import Channel, Erasure
from tf_emcom.seeds import Stream, stage_number


class Condition(NamedTuple):
    """Under what conditions games are played."""

    noise: float = 0.0  # the channel's, in [0, 1]
    input_noise: float = 0.0  # the standard deviation of the noise on inputs, in those of the features over a group
    # 2: speaker and listener see noisy inputs with noise of their own (EaS's robustness); 1: both see the same noisy
    # inputs (NEC's games).
    views: int = 2
    erased: tuple[int, ...] = ()  # positions of symbols that are lost in every message, whatever the channel does

    @property
    def is_fixed(self) -> bool:
        """Whether nothing is left to chance, so that a listener makes the same of an input each time."""
        return not self.input_noise and not self.noise


class View(NamedTuple):
    """What agents make of inputs."""

    symbols: dict[int, tf.Tensor]  # speaker → [..., T] int32, its message about each
    candidates: dict[int, tf.Tensor]  # listener → [..., E], its projection of each


class Evaluator(Checked):
    """Counts right answers of greedy speakers and greedy listeners; nothing is trained.

    Where the task chooses among inputs, these are cut into groups of C: each input is the right candidate of one game
    and a distractor of the C − 1 others. Only scores depend on the group, so a speaker and a listener look at an input
    once, and again only where there is input noise; a listener reads a message of a speaker once for each mask. All
    pairs play the same games, with the same masks and the same noise, so that they can be compared and their listeners
    can vote. It compiles once per C: all else is data, agents too. Memory holds the messages of all speakers, all
    listeners' projections of candidates, those of one speaker's messages at a time, and, for one C or one cell, how
    often each pair found each input.

    Attributes:
      pairs: speaker and listener of each pair, those of one speaker beside each other.
      speakers: each speaker of a pair.
      player: which plays their games.
    """

    def __init__(
        self,
        agents: Any,
        inputs: np.ndarray,
        jit_compile: bool,
        channel: Channel | None = None,
        answer: Answer | None = None,
        labels: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Tests the pairs of `Agents`, each of whose speakers has as many listeners, on the inputs [N, F] of a split.

        `channel` gets the noise of each condition; None: Erasure. `answer` is that of the listeners, about the labels,
        name ↦ [N, ...]; None: they choose among inputs.
        """
        self._agents = agents
        self._listeners_of = agents.listeners_of()
        self.speakers = list(self._listeners_of)
        self.pairs = agents.pairs()
        self._inputs = tf.cast(tf.convert_to_tensor(inputs), tf.float32)
        self._examples, self._labels = len(inputs), labels or {}
        self._answer = answer or ChosenInput()
        # One model each, in which the agents take turns.
        speaker, listener = agents.speaker_as(self.pairs[0][0]), agents.listener_as(self.pairs[0][1])
        self.player = GreedyPlayer(speaker, listener, self._answer, channel or Erasure(0.0), jit_compile)

    def successes(
        self,
        candidates: Sequence[int],
        conditions: Sequence[Condition],
        passes: int,
        seed: int,
        split: str,
        cells: Sequence[Sequence[int]] | None = None,
    ) -> Wins:
        """Counts successes and games of shuffled passes over the split, incomplete groups dropped.

        Every C, pass, group and game has masks and input noise of its own, every condition has masks of its own.

        Args:
          candidates: K numbers of candidates, C.
          conditions: P of them.
          passes: how many passes.
          seed: of the shuffling, the masks and the input noise.
          split: its name, for the `UserError` if it is smaller than a C.
          cells: the places of the conditions that are pooled, Q lists; None: each is a cell of its own.
        """
        plans = [Passes(self._examples, count, passes, seed, split) for count in candidates]
        if not self._answer.chooses_inputs:
            plans = [PassesInOrder(self._examples, passes, seed)]
        stream = start(seed)
        clear = self._look(every_row(self._examples), Condition(), stream)
        cells = [[place] for place in range(len(conditions))] if cells is None else cells
        answers = self._answer.count(self._labels)
        played = [plan.played * answers for plan in plans]
        dtype = np.min_scalar_type(passes * max(map(len, cells)) * answers)
        shape = len(self.speakers), len(self.pairs) // len(self.speakers) + 1, len(plans)
        games, inputs = np.array([(each.sum(), np.count_nonzero(each)) for each in played], np.int64).T
        won, effects = np.zeros((*shape, len(conditions)), np.int64), np.ones((*shape, len(cells)))
        wins = Wins(won, games, inputs, effects, np.ones((2, len(plans), len(cells))))

        def count(cells_here: Sequence[int], games: Iterator[tuple[int, int, int, np.ndarray, np.ndarray]]) -> None:
            """Adds up what was won in all games of these cells."""
            cell_of = {place: cell for cell in cells_here for place in cells[cell]}
            # How often each pair and each vote found each input in a cell.
            none = functools.partial(np.zeros, (*shape[:2], self._examples), dtype)
            counts: dict[tuple[int, int], np.ndarray] = collections.defaultdict(none)
            for kind, place, speaker, inputs, won in games:
                wins.won[speaker, :, kind, place] += won.sum(axis=1)
                counts[kind, cell_of[place]][speaker][:, inputs] += won.astype(dtype)
            for (kind, cell), found in counts.items():
                wins.close(kind, cell, found, played[kind] * len(cells[cell]))

        drawn = []
        for cell, places in enumerate(cells):
            here = {place: conditions[place] for place in places}
            if all(condition.is_fixed for condition in here.values()):
                count([cell], self._fixed(plans, passes, here, clear, stream))
            else:
                drawn.append(cell)
        every = {place: conditions[place] for place in sorted(place for cell in drawn for place in cells[cell])}
        for kind in range(len(plans) if drawn else 0):
            count(drawn, self._drawn(kind, plans[kind], passes, every, clear))
        return wins

    def _look(self, rows: tf.Tensor, condition: Condition, stream: Stream) -> View:
        """What every agent makes of the inputs in rows [blocks, K, C]; UserError where it is no finite number."""
        coefficient, symbols, candidates = tf.constant(condition.input_noise), {}, {}
        own, other = (tf.constant(stage_number(agent)) for agent in ("speaker", "listener"))
        for speaker in self.speakers:
            self._agents.speaker_as(speaker)
            symbols[speaker], finite = self.player.speak(self._inputs, rows, coefficient, own, stream.seed)
            self._require_finite(finite, rows, f"speaker {speaker}", condition)
        for listener in dict.fromkeys(listener for _, listener in self.pairs):
            self._agents.listener_as(listener)
            view = own if condition.views == 1 else other
            candidates[listener] = self.player.see(self._inputs, rows, coefficient, view, stream.seed)
        return View(symbols, candidates)

    def _heard(self, speaker: int, view: View, condition: Condition, stream: Stream) -> tuple[tf.Tensor, ...]:
        """What each of a speaker's listeners makes of its messages, all with the same masks."""
        symbols, noise, heard = view.symbols[speaker], tf.constant(condition.noise), []
        erased = tf.constant([t in condition.erased for t in range(symbols.shape[-1])])
        for listener in self._listeners_of[speaker]:
            self._agents.listener_as(listener)
            heard.append(self.player.hear(symbols, noise, erased, stream.seed))
        return tuple(heard)

    def _fixed(
        self, plans: Sequence[Passes], passes: int, conditions: dict[int, Condition], clear: View, stream: Stream
    ) -> Iterator[tuple[int, int, int, np.ndarray, np.ndarray]]:
        """Plays all passes where nothing is drawn.

        Yields the places of a C, a condition and a speaker, the inputs of a pass's games, and the result of `_won`.
        """
        for place, condition in conditions.items():
            for number, speaker in enumerate(self.speakers):
                heard = self._heard(speaker, clear, condition, stream)
                for kind, plan in enumerate(plans):
                    for blocks, games in map(plan.one, range(passes)):
                        seen = {i: _at(blocks, clear.candidates[i]) for i in self._listeners_of[speaker]}
                        here = tuple(_at(blocks, part) for part in heard)
                        yield kind, place, number, games, self._won(blocks, games, speaker, here, seen, condition)

    def _drawn(
        self, kind: int, plan: Passes, passes: int, conditions: dict[int, Condition], clear: View
    ) -> Iterator[tuple[int, int, int, np.ndarray, np.ndarray]]:
        """Plays passes under all conditions, as `_fixed`; agents look once a pass for each kind of input noise."""
        views = {place: (condition.input_noise, condition.views) for place, condition in conditions.items()}
        for number in range(passes):
            blocks, games = plan.one(number)
            for kind_of_view in dict.fromkeys(views.values()):
                places = [place for place in conditions if views[place] == kind_of_view]
                if kind_of_view[0]:
                    view = self._look(blocks, conditions[places[0]], plan.views(number, kind_of_view[0]))
                else:
                    view = View(*({agent: _at(blocks, part) for agent, part in parts.items()} for parts in clear))
                for place in places:
                    condition = conditions[place]
                    for row, speaker in enumerate(self.speakers):
                        masks = plan.masks(number, place, condition.noise)
                        heard = self._heard(speaker, view, condition, masks)
                        won = self._won(blocks, games, speaker, heard, view.candidates, condition)
                        yield kind, place, row, games, won

    def _won(
        self,
        blocks: tf.Tensor,
        games: np.ndarray,
        speaker: int,
        heard: tuple[tf.Tensor, ...],
        seen: dict[int, tf.Tensor],
        condition: Condition,
    ) -> np.ndarray:
        """How many answers of a speaker's listeners and of their vote are right in each game, int [P + 1, games]."""
        listeners = self._listeners_of[speaker]
        choices, finite = self.player.decide(heard, tuple(seen[listener] for listener in listeners))
        for place, listener in enumerate(listeners):
            who = f"listener {listener} about messages of speaker {speaker}"
            self._require_finite(finite[:, place], blocks, who, condition)
        choices = choices.numpy().swapaxes(0, 1)
        choices = choices.reshape(len(choices), -1, choices.shape[-1])
        _, right = self._answer.judged(choices, np.reshape(blocks, -1), blocks.shape[-1], self._labels)
        return np.count_nonzero(right[:, : len(games)], axis=-1)

    def _require_finite(self, finite: tf.Tensor, rows: tf.Tensor, who: str, condition: Condition) -> None:
        """UserError, with an input that it is about, unless scores are finite; both tensors [blocks, ...]."""
        if np.all(finite):
            return
        rows = np.reshape(rows, -1)
        # The noise on inputs depends on a whole group, so that one bad input spoils the scores of others.
        good = np.isfinite(self._inputs.numpy()[rows]).all(axis=1)
        row = rows[np.argmin(np.reshape(finite, -1)[: len(rows)] if good.all() else good)]
        noises = f"noise {condition.noise:g}, input noise {condition.input_noise:g}"
        raise not_finite(f"scores of {who}", noises, row)


def _at(rows: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
    """The entries of a table in blocks [blocks, 1, size, ...] for rows [...]."""
    return tf.gather(tf.reshape(table, [table.shape[0] * table.shape[2], *table.shape[3:]]), rows)
