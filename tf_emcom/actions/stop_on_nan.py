"""Stopping where numbers are no longer finite."""

import numpy as np

from tf_emcom.actions.action import Action, Moment
from tf_emcom.errors import UserError

_SHOWN = 5


class StopOnNan(Action):
    """Stops the run at the first step with a metric that is not a finite number; the last checkpoint stays as it is.

    It says which step, which metrics, which seed, and which examples were played: the same configuration comes to the
    same step again.
    """

    def see(self, moment: Moment, sums: dict[str, np.ndarray], steps: int) -> None:
        """Raises UserError where a sum over the last call, which then ended with that step, is not finite."""
        broken = {name: value for name, value in sums.items() if not np.isfinite(value).all()}
        if not broken:
            return
        seeds = moment.learner.seeds()
        is_broken = np.any([~np.isfinite(np.broadcast_to(value, len(seeds))) for value in broken.values()], axis=0)
        index = int(np.argmax(is_broken))
        rows = moment.place.pipeline.order.indices(moment.step - 1)
        rows = rows[:, index] if rows.ndim > 1 else rows
        begin = moment.checkpoints.last
        terms = f"{', '.join(sorted(broken))} {'is' if len(broken) == 1 else 'are'} not finite"
        shown = f"{', '.join(map(str, rows[:_SHOWN]))}{' and so on' if len(rows) > _SHOWN else ''}"
        raise UserError(
            f"In step {moment.step} with seed {seeds[index]}, {terms}, so the run stops; the step played rows {shown}"
            f" of the training examples, and the same command replays it from"
            f" {f'the checkpoint of step {begin}' if begin else 'the start'}. Lower the learning rates or coefficients,"
            " or clip gradients with @ClipByGlobalNorm, in a new workdir."
        )
