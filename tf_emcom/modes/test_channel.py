"""The mode that measures accuracy by number of candidates and by noise."""

from collections.abc import Sequence
from typing import Any

from tf_emcom.evaluator import Condition
from tf_emcom.modes.accuracy_test import AccuracyTest, Cell
from tf_emcom.modes.grid import probabilities


class TestChannel(AccuracyTest):
    """Accuracy for every number of candidates and every noise of the channel, such as a probability of erasure."""

    across = "noise"
    x_label = "channel noise"

    def __init__(self, noises: Sequence[float] = (0.0, 0.25, 0.5, 0.75), **grid: Any) -> None:
        """Checks the grid; `noises` are the channel's, the rest is what all accuracy tests have."""
        super().__init__(**grid)
        self.noises = probabilities(self._name("noises"), noises)

    def cells(self, message_length: int) -> list[Cell]:
        """One a noise."""
        return [Cell({"noise": noise}, [Condition(noise)]) for noise in self.noises]
