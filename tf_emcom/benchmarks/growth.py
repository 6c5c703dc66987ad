"""Cost as work grows."""

from typing import Any, NamedTuple

from tf_emcom.benchmarks.conditions import Conditions
from tf_emcom.benchmarks.measurement import Measurement
from tf_emcom.benchmarks.rehearsal import Rehearsal
from tf_emcom.benchmarks.table import Table
from tf_emcom.benchmarks.timing import enough, in_turn

_ROUNDS = 3
_GAME = "lg_s"


class Setting(NamedTuple):
    """One configuration of LG (S)."""

    batch: int = 64
    agents: int = 1  # speakers, listeners, and pairs a step
    length: int = 10  # T

    def bindings(self) -> list[str]:
        """As gin has it."""
        agents = [f"{name}={self.agents}" for name in ("n_speakers", "n_listeners", "pairs_per_step")]
        return [f"batch_size={self.batch}", f"message_length={self.length}", *agents]


class Line(NamedTuple):
    """One row: a setting, and what its time should be in times of another one's."""

    grows: str
    value: int
    setting: Setting
    of: Setting
    times: float

    def row(self, seconds: dict[Setting, float], games: dict[Setting, int]) -> dict[str, Any]:
        """Its columns, by the seconds a step and the games a step of each setting."""
        measured, expected = seconds[self.setting], self.times * seconds[self.of]
        return {
            "grows": self.grows,
            "value": self.value,
            "ms/step": 1e3 * measured,
            "games/s": games[self.setting] / measured,
            "expected ms": 1e3 * expected,
            "times expected": measured / expected,
        }


class Growth(Measurement):
    """What a step of LG (S) costs as batch, population and messages grow, beside the law that is expected.

    The laws: time goes with the batch, by the largest, which fills the machine; with n × n agents and n pairs a step, n
    times one pair's; with the length of messages, by 10 symbols.
    """

    def __init__(
        self,
        batch_sizes: tuple[int, ...] = (16, 64, 256, 1024),
        agents: tuple[int, ...] = (1, 2, 4, 10),
        lengths: tuple[int, ...] = (5, 10, 20, 40),
        rounds: int = _ROUNDS,
    ) -> None:
        self._batch_sizes, self._agents, self._lengths, self._rounds = batch_sizes, agents, lengths, rounds

    def lines(self) -> list[Line]:
        """What is measured, with the laws."""
        full, one = Setting(max(self._batch_sizes)), Setting()
        return [
            *(Line("batch", size, Setting(size), full, size / full.batch) for size in self._batch_sizes),
            *(Line("agents", count, Setting(agents=count), one, count) for count in self._agents),
            *(Line("symbols", length, Setting(length=length), one, length / one.length) for length in self._lengths),
        ]

    def measure(self, conditions: Conditions) -> Table:
        """One row a setting; settings are timed in turn."""
        settings = dict.fromkeys(each for line in self.lines() for each in (line.setting, line.of))
        runs = {each: Rehearsal(_GAME, [*conditions.bindings, *each.bindings()]) for each in settings}
        for run in runs.values():
            run.advance(2)
        steps = {each: enough(run.advance) for each, run in runs.items()}
        works = {each: lambda run=run, each=each: run.advance(steps[each]) for each, run in runs.items()}
        seconds = {each: min(times) / steps[each] for each, times in in_turn(works, self._rounds).items()}
        games = {each: run.games_per_step for each, run in runs.items()}
        rows = [line.row(seconds, games) for line in self.lines()]
        numbers = {
            "ms/step": f"of LG (S), the shortest of {self._rounds} times in turn",
            "games/s": "of all pairs together",
            "expected ms": "by batch: the largest batch's times batch / largest; by agents (so many speakers, listeners"
            " and pairs a step): one pair's times pairs; by symbols a message: 10 symbols' times symbols / 10; what is"
            " not named is 64 games, 1 pair, 10 symbols",
            "times expected": "ms/step of that: above 1 it costs more than the law says",
        }
        return Table("Cost as work grows", ("grows", "value"), numbers, rows, ("ms/step", "games/s"))
