"""The mode that measures accuracy by number of erased symbols."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tf_emcom.checks import Index, Repeats
from tf_emcom.errors import UserError
from tf_emcom.evaluation.evaluator import Condition
from tf_emcom.evaluation.metrics.success import Wins
from tf_emcom.evaluation.results import Team
from tf_emcom.evaluation.tests.accuracy_test import AccuracyTest, Cell
from tf_emcom.evaluation.tests.held_out import listed
from tf_emcom.games.channels import Channel, FixedErasure

_USUALLY_UP_TO = 5


class TestMessage(AccuracyTest):
    """Accuracy where a number of symbols are erased at fixed positions, and all others arrive.

    Every number is measured over several random sets of positions, so that it does not hang on which symbols matter.
    The sets are played on the same inputs, so that more of them do not make up for few inputs. With one symbol erased
    and as many sets as positions, the results say how much accuracy is lost with each: the redundancy of messages
    (Shannon 1948, section 7), measured by erasing as in arXiv:2502.12624, "Implicit repair with reinforcement learning
    in emergent communication".
    """

    across = "erased"
    x_label = "erased symbols"

    def __init__(self, erased: Sequence[Index] | None = None, sets: Repeats = 10, **grid: Any) -> None:
        """`erased` are numbers of symbols, None: 0 to 5 and all; `sets` is how many distinct sets of positions."""
        super().__init__(**grid)
        if self.channel is not None:
            raise UserError(f"{self._name('channel')} is bound, but this test erases given positions; leave it out.")
        self.erased = None if erased is None else listed(self._name("erased"), erased, "[0, 5]")
        self.sets = sets

    def cells(self, message_length: int) -> list[Cell]:
        """One a number of erased symbols; UserError where it is larger than T."""
        erased = self.erased
        if erased is None:
            erased = [*dict.fromkeys((*range(min(_USUALLY_UP_TO, message_length) + 1), message_length))]
        if max(erased) > message_length:
            raise UserError(
                f"{self._name('erased')} holds {max(erased)}, but messages have {message_length} symbols; bind it to"
                f" numbers up to {message_length}."
            )
        cells = []
        for count in erased:
            sets = position_sets(count, message_length, self.sets, self.seed)
            conditions = [Condition(erased=positions) for positions in sets]
            cells.append(Cell({"erased": count}, conditions, len(sets) == math.comb(message_length, count)))
        return cells

    def notes(self, cell: Cell, accuracies: list[float]) -> dict[str, Any]:
        """Which positions were erased, and the accuracy of each set."""
        return {"position_sets": [list(condition.erased) for condition in cell.conditions], "accuracies": accuracies}

    def _rows(self, team: Team, counts: Sequence[int], wins: Wins, cells: list[Cell]) -> Iterator[dict[str, Any]]:
        """As for every accuracy test; where each position was erased alone, with the accuracy lost with it, [T]."""
        rows = list(super()._rows(team, counts, wins, cells))
        intact = {row["candidates"]: row["accuracy"] for row in rows if row["erased"] == 0}
        alone = any(cell.labels["erased"] == 1 and cell.complete for cell in cells)
        for row in rows:
            if row["candidates"] in intact and row["erased"] == 1 and alone:
                row["accuracy_lost"] = [intact[row["candidates"]] - accuracy for accuracy in row["accuracies"]]
        yield from rows

    def channel_under_test(self, trained: Channel) -> Channel:
        """The positions are erased, whatever the channel was in training."""
        return FixedErasure(())


def position_sets(erased: int, length: int, most: int, seed: int) -> list[tuple[int, ...]]:
    """Distinct sets of `erased` out of `length` positions: all there are if they are at most `most`, else a draw."""
    if math.comb(length, erased) <= most:
        return list(itertools.combinations(range(length), erased))
    generator = np.random.Generator(np.random.PCG64([seed & 0xFFFFFFFF, seed >> 32, erased]))
    drawn: dict[tuple[int, ...], None] = {}
    while len(drawn) < most:
        drawn[tuple(sorted(generator.permutation(length)[:erased].tolist()))] = None
    return list(drawn)
