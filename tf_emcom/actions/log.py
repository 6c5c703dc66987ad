"""Writing metrics down."""

import time
from typing import Any

import numpy as np

from tf_emcom.actions.action import Action, Moment, check_every, games_per_step
from tf_emcom.seeds import step_tensor


class Log(Action):
    """Every so many steps, appends the means of the metrics since then to `metrics.jsonl`.

    Of independent runs, these are means over the runs, and `by_seed` holds the numbers of each, in order. What other
    actions find worth noting is in the line, too.
    """

    keeps = True

    def __init__(self, every: int = 500) -> None:
        self.every = check_every("Log", every)
        self._sums: dict[str, np.ndarray] = {}
        self._steps = 0
        self._noted: dict[str, list[float]] = {}
        self._is_last = False

    def begin(self, moment: Moment) -> None:
        """Drops what a lost process logged after the step that this one goes on from."""
        moment.folder.forget_metrics_after(moment.step)
        self._clock = time.monotonic()

    def resume(self, state: Any) -> None:
        """Takes the sums that another process began."""
        self._sums = {name: np.asarray(value, np.float64) for name, value in state["sums"].items()}
        self._noted = state["noted"]
        self._steps = state["steps"]
        self._clock -= state["seconds"]

    def see(self, moment: Moment, sums: dict[str, np.ndarray], steps: int) -> None:
        """Adds them up, in float64."""
        for name, value in sums.items():
            self._sums[name] = self._sums.get(name, 0.0) + np.asarray(value, np.float64)
        self._steps += steps
        self._is_last = moment.step == moment.steps

    def note(self, moment: Moment, numbers: dict[str, float], by: Action) -> None:
        """Keeps them for the next line, which has their means; its own lines come back and are left alone."""
        if by is not self:
            for name, value in numbers.items():
                self._noted.setdefault(name, []).append(value)

    def state(self) -> Any:
        """What the next line is the mean of, so far."""
        if not self._steps:
            return None
        sums = {name: value.tolist() for name, value in self._sums.items()}
        # Equal runs end with equal checkpoints, so that those of the last step hold no times.
        seconds = 0.0 if self._is_last else time.monotonic() - self._clock
        return {"sums": sums, "noted": self._noted, "steps": self._steps, "seconds": seconds}

    def act(self, moment: Moment) -> dict[str, float] | None:
        """Writes one line, and returns its numbers."""
        if not self._steps:
            return None
        seconds = time.monotonic() - self._clock
        values = {name: value / self._steps for name, value in self._sums.items()}
        means = {name: float(value.mean()) for name, value in values.items()}
        means |= {name: sum(numbers) / len(numbers) for name, numbers in self._noted.items()}
        # The noise of the last step done.
        means["noise"] = float(moment.learner.game.channel.noise(step_tensor(moment.step - 1)))
        means["games_per_second"] = round(self._steps * games_per_step(moment.learner) / seconds, 1)
        row: dict[str, Any] = {"step": moment.step, **means}
        if moment.learner.independent:
            row["by_seed"] = {name: value.tolist() for name, value in values.items()}
        moment.folder.append_metrics(row)
        self._sums, self._noted, self._steps, self._clock = {}, {}, 0, time.monotonic()
        return means
