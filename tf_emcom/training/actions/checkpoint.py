"""Saving."""

from collections.abc import Mapping

import numpy as np

from tf_emcom.checks import Count
from tf_emcom.errors import UserError
from tf_emcom.training.actions.action import Action, TrainingState, played

_SHOWN = 3


class Checkpoint(Action):
    """Every so many steps, saves everything that resuming needs."""

    def __init__(self, every: Count = 5000) -> None:
        self.every: int = every
        self._terms: dict[str, float] = {}

    def see(self, training: TrainingState, sums: dict[str, np.ndarray], steps: int) -> None:
        losses = {name: value for name, value in sums.items() if name.endswith("loss")}
        self._terms = {name: float(np.abs(value).max()) / steps for name, value in losses.items()}

    def act(self, training: TrainingState) -> None:
        if training.checkpoints.last != training.step:
            save_checkpoint(training, self._terms)


def save_checkpoint(training: TrainingState, terms: Mapping[str, float] | None = None) -> None:
    """Saves; UserError as `require_finite`: what was saved before stays the newest then."""
    require_finite(training, terms)
    training.checkpoints.save(training.step, training.carried)


def require_finite(training: TrainingState, terms: Mapping[str, float] | None = None) -> None:
    """UserError where a weight, or a number of an optimiser, is not finite.

    `terms`, how large the losses were at last, are for the error.
    """
    broken = training.learner.not_finite()
    if broken:
        last = training.checkpoints.last
        largest = sorted((terms or {}).items(), key=lambda term: -term[1])[:_SHOWN]
        listed = ", ".join(f"{name} {size:.2g}" for name, size in largest)
        losses = f"; the largest losses were {listed}" if listed else ""
        if training.step - last == 1:
            replay = f"{played(training)}, and the same command replays it from {training.from_last_checkpoint}"
        else:
            replay = (
                "the same command with --gin_param=Log.every=1 --gin_param=Checkpoint.every=1 in a new --workdir stops"
                " at the step in question and says what it played"
            )
        raise UserError(
            f"{', '.join(broken)} hold{'s' if len(broken) == 1 else ''} numbers that are not finite after step"
            f" {training.step} (they were finite after step {last}), so nothing is saved and the run stops{losses};"
            f" {replay}. Lower the learning rates or coefficients, or clip gradients with @ClipByGlobalNorm, in a new"
            " workdir."
        )
