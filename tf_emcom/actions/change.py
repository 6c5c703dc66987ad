"""What every change of the agents is."""

import abc

from tf_emcom.actions.action import Action, Moment, check_every


class Change(Action, abc.ABC):
    """Changes agents between two steps, such as imitation and resets; listed in `Train.changes`.

    It is not done after the last step: agents that are kept have played since they were changed.
    """

    def __init__(self, every: int) -> None:
        """`every`: how many steps lie between; UserError where that is no number of steps."""
        self.every = check_every(type(self).__name__, every)

    @abc.abstractmethod
    def act(self, moment: Moment) -> dict[str, float] | None:
        """Changes them; may return numbers that are worth noting."""

    def due(self, moment: Moment) -> bool:
        """At every multiple, except after the last step."""
        return moment.step % self.every == 0 and moment.step < moment.steps
