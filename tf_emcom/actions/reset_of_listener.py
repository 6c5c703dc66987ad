"""New listeners."""

from collections.abc import Sequence

from tf_emcom.actions.reset import Reset
from tf_emcom.populations.crowd import Crowd
from tf_emcom.populations.members import Members


class ResetOfListener(Reset):
    """A listener starts anew."""

    def kinds(self, crowd: Crowd) -> Sequence[Members]:
        """The listeners."""
        return (crowd.listener_members,)
