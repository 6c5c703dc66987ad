"""The record of what was said."""

from typing import NamedTuple

import numpy as np


class Utterances(NamedTuple):
    """A block of B games: what was said about which examples, and what came of it.

    Without `choice` and `success` where the task of the run has no choice.
    """

    id: np.ndarray  # int32 [B] the example's place in its split
    speaker: np.ndarray  # int32 [B]
    listener: np.ndarray  # int32 [B]
    symbols: np.ndarray  # int32 [B, T] the message as it was sent
    length: np.ndarray  # int32 [B] symbols before the message ends; T where messages have no end
    log_probability: np.ndarray  # float32 [B] of the whole message, given the input; nats
    received: np.ndarray  # int32 [B, T] the message as it arrived; UNK, "erased", is V
    choice: np.ndarray | None  # int32 [B] the id of the input that was chosen; of the label's shape: the classes told
    success: np.ndarray | None  # float32 [B] in [0, 1]
    labels: dict[str, np.ndarray]  # each [B, ...], as the data set has them

    def columns(self) -> dict[str, np.ndarray]:
        """Name ↦ [B, ...]: what there is, the labels last and under their own names."""
        own = {name: values for name, values in self._asdict().items() if name != "labels" and values is not None}
        return {**own, **self.labels}


# What no label of a data set can be called.
RESERVED = tuple(name for name in Utterances._fields if name != "labels")
