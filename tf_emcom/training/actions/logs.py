"""Actions that watch the metrics."""

import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import tqdm

from tf_emcom.checks import Count
from tf_emcom.errors import UserError
from tf_emcom.training.actions.action import Action, TrainingState, by_setting, games_per_step, played, run_name


class Log(Action):
    """Every so many steps, appends the means of the metrics since then to `metrics.jsonl`.

    Of independent runs, these are means over the runs, and `by_seed` holds the numbers of each, in order; so does
    `varied`, where other numbers than seeds vary. What other actions find worth noting is in the line, too; and, of a
    listener that learns by reward, the mean entropy of its choices in the games that were won, `listener_won_entropy`,
    and in those that were lost, `listener_lost_entropy`.
    """

    keeps = True

    def __init__(self, every: Count = 500) -> None:
        self.every: int = every
        self._sums: dict[str, np.ndarray] = {}
        self._steps = 0
        self._noted: dict[str, list[float]] = {}
        self._is_last = False

    def begin(self, training: TrainingState) -> None:
        """Drops what a lost process logged after the step from which this one resumes."""
        training.folder.forget_metrics_after(training.step)
        self._clock = time.monotonic()

    def resume(self, state: Any) -> None:
        self._sums = {name: np.asarray(value, np.float64) for name, value in state["sums"].items()}
        self._noted = state["noted"]
        self._steps = state["steps"]
        self._clock -= state["seconds"]

    def see(self, training: TrainingState, sums: dict[str, np.ndarray], steps: int) -> None:
        for name, value in sums.items():
            self._sums[name] = self._sums.get(name, 0.0) + np.asarray(value, np.float64)
        self._steps += steps
        self._is_last = training.step == training.steps

    def note(self, training: TrainingState, numbers: dict[str, float], by: Action) -> None:
        """Keeps them for the next line, which has their means, but for its own and those with curves."""
        if by is not self and by.curves is None:
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

    def act(self, training: TrainingState) -> dict[str, float] | None:
        if not self._steps:
            return None
        seconds = time.monotonic() - self._clock
        values = {name: value / self._steps for name, value in self._sums.items()}
        means = {name: float(value.mean()) for name, value in values.items()}
        means |= {name: float(mean) for name, mean in _by_outcome(means).items() if np.isfinite(mean)}
        means |= {name: sum(numbers) / len(numbers) for name, numbers in self._noted.items()}
        # The noise of the last step done.
        noises = training.learner.noises(training.step - 1)
        means["noise"] = float(np.mean(noises))
        means["games_per_second"] = round(self._steps * games_per_step(training.learner) / seconds, 1)
        row: dict[str, Any] = {"step": training.step, **means}
        if training.learner.independent:
            row["by_seed"] = {name: _as_json(value) for name, value in {**values, **_by_outcome(values)}.items()}
        settings = by_setting(training.learner, values)
        if settings:
            row["by_seed"]["noise"], row["varied"] = noises, training.learner.varied()
        training.folder.append_metrics(row)
        self._sums, self._noted, self._steps, self._clock = {}, {}, 0, time.monotonic()
        return means | settings


# Less is a rounding error: sums are float32.
_LEAST_SHARE = 1e-5


def _by_outcome(means: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The mean entropy of listeners in games won and in games lost; NaN where there are none."""
    if "listener_entropy_success" not in means:
        return {}
    won = np.asarray(means["accuracy"])
    parts = {"won": (means["listener_entropy_success"], won), "lost": (means["listener_entropy_failure"], 1.0 - won)}
    return {
        f"listener_{name}_entropy": np.where(share > _LEAST_SHARE, part / np.maximum(share, _LEAST_SHARE), np.nan)
        for name, (part, share) in parts.items()
    }


def _as_json(values: np.ndarray) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]


class Progress(Action):
    """Shows step, accuracy, noise and games a second: as a bar on a terminal, as a line now and then elsewhere."""

    def __init__(self, seconds_between_lines: float = 20.0) -> None:
        self.seconds_between_lines = seconds_between_lines

    def begin(self, training: TrainingState) -> None:
        self._terminal = sys.stderr.isatty()
        self._bar = tqdm.tqdm(
            total=training.steps, initial=training.step, unit="step", dynamic_ncols=True, disable=not self._terminal
        )
        self._clock = self._spoke = time.monotonic()

    def see(self, training: TrainingState, sums: dict[str, np.ndarray], steps: int) -> None:
        now = time.monotonic()
        noise = float(np.mean(training.learner.noises(training.step - 1)))
        # Not every transfer task has an accuracy.
        watched = "accuracy" if "accuracy" in sums else "loss"
        shown = {
            watched: f"{np.mean(sums[watched]) / steps:.3f}",
            "noise": f"{noise:.2f}",
            "games/s": f"{steps * games_per_step(training.learner) / max(now - self._clock, 1e-9):,.0f}",
        }
        self._clock = now
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(training.step - self._bar.n)
        last = training.step == training.steps
        if not self._terminal and (last or now - self._spoke >= self.seconds_between_lines):
            self._spoke = now
            print(
                f"step {training.step:,} of {training.steps:,}: " + ", ".join(f"{k} {v}" for k, v in shown.items()),
                flush=True,
            )

    def finish(self, training: TrainingState) -> None:
        self._bar.close()


class StopOnNan(Action):
    """Stops the run at the first step with a metric that is not a finite number; the last checkpoint stays as it is.

    It says which step, which metrics, which seed, and which examples were played: the same configuration comes to the
    same step again.
    """

    def see(self, training: TrainingState, sums: dict[str, np.ndarray], steps: int) -> None:
        """Raises UserError where a sum over the last call, which then ended with that step, is not finite."""
        broken = {name: value for name, value in sums.items() if not np.isfinite(value).all()}
        if not broken:
            return
        seeds = training.learner.seeds()
        is_broken = np.any([~np.isfinite(np.broadcast_to(value, len(seeds))) for value in broken.values()], axis=0)
        index = int(np.argmax(is_broken))
        terms = f"{', '.join(sorted(broken))} {'is' if len(broken) == 1 else 'are'} not finite"
        raise UserError(
            f"In step {training.step} with {run_name(training.learner, index)}, {terms}, so the run stops;"
            f" {played(training, index)}, and the same command replays it from {training.from_last_checkpoint}. Lower"
            " the learning rates or coefficients, or clip gradients with @ClipByGlobalNorm, in a new workdir."
        )
