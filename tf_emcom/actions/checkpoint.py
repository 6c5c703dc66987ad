"""Saving."""

from tf_emcom.actions.action import Action, Moment, check_every
from tf_emcom.errors import UserError


class Checkpoint(Action):
    """Every so many steps, saves everything that resuming needs."""

    def __init__(self, every: int = 5000) -> None:
        self.every = check_every("Checkpoint", every)

    def act(self, moment: Moment) -> None:
        """Saves; UserError where a weight is no finite number: what was saved before stays the newest."""
        save_checkpoint(moment)


def save_checkpoint(moment: Moment, carried: str = "") -> None:
    """Saves; `carried`, a text, is kept with it.

    Raises:
      UserError: a weight is no finite number.
    """
    if not moment.learner.is_finite():
        raise UserError(
            f"A weight is no finite number after step {moment.step}, so nothing is saved and the run stops; lower"
            " the learning rates, or clip gradients with @ClipByGlobalNorm, in a new workdir."
        )
    moment.checkpoints.save(moment.step, carried)
