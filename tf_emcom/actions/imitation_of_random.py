"""Learning from whomever, as a control."""

from collections.abc import Sequence

from tf_emcom.actions.imitation import Imitation


class ImitationOfRandom(Imitation):
    """A speaker drawn at random teaches the others."""

    def teacher(self, successes: Sequence[float]) -> int:
        """The first, since they are in random order."""
        return 0
