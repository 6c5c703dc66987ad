"""Writing metrics down."""

import time

import numpy as np
import tensorflow as tf

from tf_emcom.actions.action import Action, Moment, check_every


class Log(Action):
    """Every so many steps, appends the means of the metrics since then to `metrics.jsonl` and to TensorBoard."""

    def __init__(self, every: int = 500) -> None:
        self.every = check_every("Log", every)
        self._sums: dict[str, float] = {}
        self._steps = 0

    def begin(self, moment: Moment) -> None:
        """Drops what a lost process logged after the step that this one goes on from."""
        moment.folder.forget_metrics_after(moment.step)
        self._writer = tf.summary.create_file_writer(moment.folder.tensorboard)
        self._clock = time.monotonic()

    def see(self, moment: Moment, sums: dict[str, np.ndarray], steps: int) -> None:
        """Adds them up, in float64."""
        for name, value in sums.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)
        self._steps += steps

    def act(self, moment: Moment) -> None:
        """Writes one line."""
        if not self._steps:
            return
        seconds = time.monotonic() - self._clock
        means = {name: value / self._steps for name, value in self._sums.items()}
        # The noise of the last step done.
        means["noise"] = float(moment.learner.game.channel.noise(tf.constant(moment.step - 1, tf.int64)))
        means["games_per_second"] = round(self._steps * moment.learner.batch_size / seconds, 1)
        moment.folder.append_metrics({"step": moment.step, **means})
        with self._writer.as_default(step=moment.step):
            for name, value in means.items():
                tf.summary.scalar(name, value)
        self._writer.flush()
        self._sums, self._steps, self._clock = {}, 0, time.monotonic()

    def finish(self, moment: Moment) -> None:
        """Closes TensorBoard's file."""
        self._writer.close()
