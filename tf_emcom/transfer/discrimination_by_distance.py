"""Choosing the nearest candidate."""

from collections.abc import Callable

from tf_emcom.heads.listener.cpc import Cpc
from tf_emcom.heads.listener.listener_head import ListenerHead
from tf_emcom.transfer.candidate_task import CandidateTask


class DiscriminationByDistance(CandidateTask):
    """Which input was meant, by cosine distance of message and candidate (NEC, `discriminationdist`)."""

    name = "discriminationdist"

    def __init__(self, head_cls: Callable[[], ListenerHead] = Cpc, input_noise: float = 0.5) -> None:
        """`input_noise`: speaker and listener see the input differently."""
        super().__init__(head_cls, input_noise)
