"""The mode that measures accuracy by noise on the inputs."""

from collections.abc import Sequence
from typing import Any

from tf_emcom.errors import UserError, require_number
from tf_emcom.evaluation.evaluator import Condition
from tf_emcom.evaluation.tests.accuracy_test import AccuracyTest, Cell
from tf_emcom.evaluation.tests.held_out import listed, probabilities


class TestInput(AccuracyTest):
    """Accuracy where speaker and listener see noisy inputs, by noise of inputs and channel.

    The noise is Gaussian, its standard deviation a coefficient times that of the feature over a group of C inputs
    (NEC's `coeff_noise`). With two views speaker and listener draw separately (EaS's robustness, whose coefficient is
    0.5); with one both see the same noisy input (NEC's games, whose coefficient is 1.0). The results say how many.
    """

    across = "input_noise"
    x_label = "input noise (standard deviations)"
    beside = "noise"

    def __init__(
        self,
        coefficients: Sequence[float] = (0.0, 0.5, 1.0),
        noises: Sequence[float] = (0.0, 0.25, 0.5, 0.75),
        views: int = 2,
        **grid: Any,
    ) -> None:
        """`coefficients` are of the noise on inputs, in standard deviations of a feature, `noises` of the channel."""
        super().__init__(**grid)
        self.coefficients = listed(self._name("coefficients"), coefficients, "[0.0, 1.0]")
        for value in self.coefficients:
            require_number(self._name("coefficients"), value, 0, 1e6, "each is in standard deviations")
        self.noises = probabilities(self._name("noises"), noises)
        if views not in (1, 2):
            raise UserError(f"{self._name('views')} is {views}, but two agents have 1 or 2 views; bind it to either.")
        self.views = views
        self.how = "1 view" if views == 1 else "2 views"

    def cells(self, message_length: int) -> list[Cell]:
        return [
            Cell({"noise": noise, "input_noise": each, "views": self.views}, [Condition(noise, each, self.views)])
            for each in self.coefficients
            for noise in self.noises
        ]
