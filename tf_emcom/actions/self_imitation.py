"""Learning from oneself."""

from collections.abc import Sequence

from tf_emcom.actions.action import Moment
from tf_emcom.actions.imitation import Imitation, require_population
from tf_emcom.errors import UserError
from tf_emcom.trainee import Trainee


class SelfImitation(Imitation):
    """The only speaker learns to sample what it says greedily."""

    def __init__(self, every: int = 10) -> None:
        super().__init__(every)

    def teacher(self, successes: Sequence[float]) -> int:
        """Itself."""
        return 0

    def check(self, learner: Trainee) -> None:
        """UserError where there are several speakers."""
        speakers = require_population(self, learner).speakers
        if speakers != 1:
            raise UserError(
                f"SelfImitation is for one speaker, but n_speakers is {speakers}; bind n_speakers to 1, or let speakers"
                " learn from one another with @ImitationOfBest(), @ImitationOfWorst() or @ImitationOfRandom()."
            )

    def act(self, moment: Moment) -> dict[str, float]:
        """Teaches it once; returns the loss."""
        return self.teach(moment, [(0, 0)])
