"""Speed of tests of trained agents."""

from tf_emcom.benchmarks.conditions import Conditions
from tf_emcom.benchmarks.measurement import Measurement
from tf_emcom.benchmarks.rehearsal import experiment_of
from tf_emcom.benchmarks.table import Table
from tf_emcom.benchmarks.timing import timed
from tf_emcom.evaluation.evaluator import Evaluator
from tf_emcom.runtime.config import build

_ROUNDS = 2


class EvaluationCells(Measurement):
    """Cells a second of the test by candidates and noise (mode testchannel), full-size agents on random features."""

    def __init__(
        self,
        games: tuple[str, ...] = ("lg_s",),
        bindings: tuple[str, ...] = ("RandomFeatures.examples=2048",),
        rounds: int = _ROUNDS,
    ) -> None:
        """`bindings`: gin's, of all games, before the user's."""
        self._games, self._bindings, self._rounds = games, bindings, rounds

    def measure(self, conditions: Conditions) -> Table:
        """One row a game."""
        rows = []
        for game in self._games:
            experiment = experiment_of(game, [*self._bindings, "TestChannel.passes=1", *conditions.bindings])
            test = build("TestChannel")
            inputs = experiment.data.load(test.split, ()).inputs
            evaluator = Evaluator(experiment.learner, inputs, experiment.distribution.jit_compile)
            counts = [count for count in test.candidates if count <= len(inputs)]
            cells = test.cells(experiment.learner.speaker_as(0).message_length)
            masks = [condition for cell in cells for condition in cell.conditions]

            def play() -> None:
                evaluator.successes(counts, masks, test.passes, test.seed, test.split)  # noqa: B023 called in here only

            first, again = timed(play), min(timed(play) for _ in range(self._rounds))
            played = test.passes * len(masks) * sum(len(inputs) // count * count for count in counts)
            rows.append(
                {
                    "game": game,
                    "cells": len(counts) * len(cells),
                    "cells/s": len(counts) * len(cells) / again,
                    "games/s": played / again,
                    "first seconds": first,
                }
            )
        numbers = {
            "cells": "numbers of candidates × noises, one pass over the test split each",
            "cells/s": f"by the shortest of {self._rounds} times, when all is compiled",
            "games/s": "the same counted in games",
            "first seconds": "what the first time takes, compile included",
        }
        return Table("Evaluation", ("game",), numbers, rows, ("cells/s", "games/s"))
