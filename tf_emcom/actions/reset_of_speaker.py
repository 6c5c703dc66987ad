"""New speakers."""

from collections.abc import Sequence

from tf_emcom.actions.reset import Reset
from tf_emcom.populations.crowd import Crowd
from tf_emcom.populations.members import Members


class ResetOfSpeaker(Reset):
    """A speaker starts anew."""

    def kinds(self, crowd: Crowd) -> Sequence[Members]:
        """The speakers."""
        return (crowd.speaker_members,)
