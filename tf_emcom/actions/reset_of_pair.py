"""New pairs."""

from collections.abc import Sequence

from tf_emcom.actions.reset import Reset
from tf_emcom.populations.crowd import Crowd
from tf_emcom.populations.members import Members


class ResetOfPair(Reset):
    """A speaker and a listener start anew, drawn independently of each other.

    Parts are looked for in both, so they must be parts of both, such as ["head"] or ["core"].
    """

    def kinds(self, crowd: Crowd) -> Sequence[Members]:
        """Both."""
        return (crowd.speaker_members, crowd.listener_members)
