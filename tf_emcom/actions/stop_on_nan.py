"""Not training on ruins."""

import numpy as np

from tf_emcom.actions.action import Action, Moment
from tf_emcom.errors import UserError


class StopOnNan(Action):
    """Stops the run when its loss is no longer a finite number; the last checkpoint before stays as it is."""

    def see(self, moment: Moment, sums: dict[str, np.ndarray], steps: int) -> None:
        """Raises UserError where the sum of the loss over the last call is not finite."""
        if not np.isfinite(sums["loss"]).all():
            raise UserError(
                f"The loss is {sums['loss']} within the {steps} steps before step {moment.step}, so the run stops;"
                " what was saved before is kept: lower the learning rates, or clip gradients with @ClipByGlobalNorm,"
                " in a new workdir."
            )
