"""Choosing a candidate as one chooses a class."""

from collections.abc import Callable

from tf_emcom.heads.listener.dot_product import DotProduct
from tf_emcom.heads.listener.listener_head import ListenerHead
from tf_emcom.transfer.candidate_task import CandidateTask


class DiscriminationByDotProduct(CandidateTask):
    """Which input was meant, candidates being classes whose logits are dot products (NEC, `discrimination`)."""

    name = "discrimination"

    def __init__(self, head_cls: Callable[[], ListenerHead] = DotProduct, input_noise: float = 0.5) -> None:
        """`input_noise`: speaker and listener see the input differently."""
        super().__init__(head_cls, input_noise)
