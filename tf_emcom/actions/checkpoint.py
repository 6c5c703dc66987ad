"""Saving."""

from tf_emcom.actions.action import Action, Moment, check_every
from tf_emcom.errors import UserError


class Checkpoint(Action):
    """Every so many steps, saves everything that resuming needs."""

    def __init__(self, every: int = 5000) -> None:
        self.every = check_every("Checkpoint", every)

    def act(self, moment: Moment) -> None:
        """Saves, unless this step is saved already; the rest as for `save_checkpoint`."""
        if moment.checkpoints.last != moment.step:
            save_checkpoint(moment)


def save_checkpoint(moment: Moment) -> None:
    """Saves.

    Raises:
      UserError: a weight, or a number of an optimiser, is not finite: what was saved before stays the newest.
    """
    broken = moment.learner.not_finite()
    if broken:
        raise UserError(
            f"{', '.join(broken)} hold{'s' if len(broken) == 1 else ''} numbers that are not finite after step"
            f" {moment.step} (they were finite after step {moment.checkpoints.last}), so nothing is saved and the run"
            " stops; the same command with --gin_param=Log.every=1 --gin_param=Checkpoint.every=1 in a new --workdir"
            " stops at the step in question. Lower the learning rates or coefficients, or clip gradients with"
            " @ClipByGlobalNorm, in a new workdir."
        )
    moment.checkpoints.save(moment.step, moment.carried)
