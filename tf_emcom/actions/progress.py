"""A progress bar."""

import sys
import time

import numpy as np
import tqdm

from tf_emcom.actions.action import Action, Moment, games_per_step
from tf_emcom.seeds import step_tensor


class Progress(Action):
    """Shows step, accuracy, noise and games a second: as a bar on a terminal, as a line now and then elsewhere."""

    def __init__(self, seconds_between_lines: float = 20.0) -> None:
        self.seconds_between_lines = seconds_between_lines

    def begin(self, moment: Moment) -> None:
        """Shows the bar."""
        self._terminal = sys.stderr.isatty()
        self._bar = tqdm.tqdm(
            total=moment.steps, initial=moment.step, unit="step", dynamic_ncols=True, disable=not self._terminal
        )
        self._clock = self._spoke = time.monotonic()

    def see(self, moment: Moment, sums: dict[str, np.ndarray], steps: int) -> None:
        """Moves the bar."""
        now = time.monotonic()
        noise = float(moment.learner.game.channel.noise(step_tensor(moment.step - 1)))
        # Not every transfer task has an accuracy.
        watched = "accuracy" if "accuracy" in sums else "loss"
        shown = {
            watched: f"{np.mean(sums[watched]) / steps:.3f}",
            "noise": f"{noise:.2f}",
            "games/s": f"{steps * games_per_step(moment.learner) / max(now - self._clock, 1e-9):,.0f}",
        }
        self._clock = now
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(moment.step - self._bar.n)
        last = moment.step == moment.steps
        if not self._terminal and (last or now - self._spoke >= self.seconds_between_lines):
            self._spoke = now
            print(
                f"step {moment.step:,} of {moment.steps:,}: " + ", ".join(f"{k} {v}" for k, v in shown.items()),
                flush=True,
            )

    def finish(self, moment: Moment) -> None:
        """Leaves the terminal in order."""
        self._bar.close()
