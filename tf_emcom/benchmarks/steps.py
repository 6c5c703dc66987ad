"""Speed of the games of EaS and NEC."""

import statistics
from collections.abc import Sequence

from tf_emcom.benchmarks.conditions import Conditions
from tf_emcom.benchmarks.measurement import Measurement
from tf_emcom.benchmarks.rehearsal import Rehearsal
from tf_emcom.benchmarks.table import Table
from tf_emcom.benchmarks.timing import enough, in_turn

_ROUNDS = 5


class Steps(Measurement):
    """Training steps of EaS's and NEC's games, agents of full size: games a second and share of the machine's peak.

    Whole steps as users run them, batches fed by the pipeline; all configurations and the peak are timed in turn.
    """

    def __init__(
        self,
        games: tuple[str, ...] = ("lg_s", "lg_rl", "nlg"),
        batch_sizes: tuple[int, ...] = (16, 64, 256, 1024),
        rounds: int = _ROUNDS,
    ) -> None:
        self._games, self._batch_sizes, self._rounds = games, batch_sizes, rounds

    def measure(self, conditions: Conditions) -> Table:
        """One row a game and batch size."""
        runs = {
            (game, size): Rehearsal(game, [*conditions.bindings, f"batch_size={size}"])
            for game in self._games
            for size in self._batch_sizes
        }
        for run in runs.values():
            run.advance(2)
        steps = {name: enough(run.advance) for name, run in runs.items()}
        works = {name: lambda run=run, name=name: run.advance(steps[name]) for name, run in runs.items()}
        for dtype in {run.compute_dtype for run in runs.values()}:
            works[dtype] = lambda dtype=dtype: conditions.peak.look(dtype)
        seconds = in_turn(works, self._rounds)
        rows = []
        for (game, size), run in runs.items():
            times = [each / steps[game, size] for each in seconds[game, size]]
            peak = conditions.peak.best(run.compute_dtype)
            found = speeds(times, run.games_per_step, run.operations_per_game(), peak)
            how = {"numbers": run.compute_dtype, "compiler": run.experiment.distribution.compiler}
            rows.append({"game": game, "batch": size, **found, **how})
        return Table("Training steps", ("game", "batch"), _numbers(self._rounds), rows, ("ms/step", "games/s"))


def speeds(seconds: Sequence[float], games: int, operations: float, peak: float) -> dict[str, float]:
    """The columns of one configuration.

    Args:
      seconds: a step, each time it was measured.
      games: a step.
      operations: a game.
      peak: operations a second.
    """
    best = min(seconds)
    speed = operations * games / best
    return {
        "ms/step": 1e3 * best,
        "median ms": 1e3 * statistics.median(seconds),
        "games/s": games / best,
        "MFLOP/game": operations / 1e6,
        "GFLOP/s": speed / 1e9,
        "peak GFLOP/s": peak / 1e9,
        "% of peak": 100 * speed / peak,
    }


def _numbers(rounds: int) -> dict[str, str]:
    return {
        "ms/step": f"the shortest of {rounds} times in turn, each of calls that last at least 0.3 s",
        "median ms": "the median of the same",
        "games/s": "by the shortest time",
        "MFLOP/game": "of the step's matrix products, counted in its graph; a multiply-add is two",
        "GFLOP/s": "that work in the shortest time",
        "peak GFLOP/s": "the best of several plain matrix products, timed in turn with the steps",
        "% of peak": "GFLOP/s of that",
        "numbers": "the type that the agents compute in",
        "compiler": "who makes one program of a step",
    }
