"""The head that compares by dot products."""

from tf_emcom.annotations import Size
from tf_emcom.heads.listener.listener_head import ListenerHead


class DotProduct(ListenerHead):
    """Scores are dot products of tanh projections of message and candidate; no critics (NEC, `discrimination`)."""

    def __init__(self, size: Size = 256, activation: str | None = "tanh", name: str | None = None) -> None:
        super().__init__(size, activation, name=name)
