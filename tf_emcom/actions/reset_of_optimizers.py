"""Agents that keep what they know, and forget how they were learning."""

from collections.abc import Sequence

from tf_emcom.actions.reset import Reset
from tf_emcom.populations.crowd import Crowd
from tf_emcom.populations.members import Members


class ResetOfOptimizers(Reset):
    """The optimisers of a speaker and of a listener start anew; their weights stay as they are."""

    def __init__(self, every: int, parts: Sequence[str] | None = None) -> None:
        """`parts`: for which parts of the agents the optimisers forget; None: all."""
        super().__init__(every, parts)

    def kinds(self, crowd: Crowd) -> Sequence[Members]:
        """Both."""
        return (crowd.speaker_members, crowd.listener_members)

    def reset(self, members: Members, index: int, seed: int) -> None:
        """Only the optimiser."""
        members.reset_optimizer(index, self.parts)
