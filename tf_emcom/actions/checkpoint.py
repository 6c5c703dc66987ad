"""Saving."""

from tf_emcom.actions.action import Action, Moment, check_every


class Checkpoint(Action):
    """Every so many steps, saves everything that resuming needs."""

    def __init__(self, every: int = 5000) -> None:
        self.every = check_every("Checkpoint", every)

    def act(self, moment: Moment) -> None:
        """Saves."""
        moment.checkpoints.save(moment.step)
