"""Stopping where numbers are no longer finite."""

import numpy as np

from tf_emcom.actions.action import Action, Moment, played
from tf_emcom.errors import UserError


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
        terms = f"{', '.join(sorted(broken))} {'is' if len(broken) == 1 else 'are'} not finite"
        raise UserError(
            f"In step {moment.step} with seed {seeds[index]}, {terms}, so the run stops; {played(moment, index)}, and"
            f" the same command replays it from {moment.from_last_checkpoint}. Lower the learning rates or"
            " coefficients, or clip gradients with @ClipByGlobalNorm, in a new workdir."
        )
