"""What a speaker says of many inputs."""

from typing import Protocol

import numpy as np
import tensorflow as tf

from tf_emcom.checks import Checked
from tf_emcom.errors import UserError
from tf_emcom.types import Speech

_BLOCK = 1024


class Greedy(Protocol):
    """What is needed of a speaker, be it trained, exported or a control."""

    def greedy(self, inputs: tf.Tensor) -> Speech:
        """What it says of inputs [B, F]."""


class Transcriber(Checked, tf.Module):
    """Writes down the greedy messages of a speaker, block by block, so that memory does not grow with the data set."""

    def __init__(self, speaker: Greedy, jit_compile: bool) -> None:
        super().__init__()
        self.speaker = speaker
        self._block = tf.function(self._symbols, jit_compile=jit_compile, autograph=False)

    def messages(self, inputs: np.ndarray, order: np.ndarray | None = None) -> np.ndarray:
        """Symbols int32 [N, T] for inputs float32 [M, F], of the rows int [N]; None: of all in their order.

        UserError where the speaker's scores are not finite, so that what it says would be chance.
        """
        rows = np.arange(len(inputs)) if order is None else order
        blocks = []
        for start in range(0, len(rows), _BLOCK):
            block = inputs[rows[start : start + _BLOCK]]
            # The last block is filled up with inputs, so that one compiled shape serves all of them.
            filled = np.resize(block, (min(_BLOCK, len(rows)), *inputs.shape[1:]))
            symbols, finite = self._block(tf.constant(filled, tf.float32))
            if not np.all(finite):
                row = rows[start:][np.argmin(finite)]
                raise UserError(
                    f"The scores of a speaker are not finite numbers for the input in row {row} of the data: it or the"
                    " speaker's weights hold NaN or infinity; correct the data, or restore an earlier checkpoint."
                )
            blocks.append(symbols.numpy()[: len(block)])
        return np.concatenate(blocks)

    def _symbols(self, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        speech = self.speaker.greedy(inputs)
        if speech.policy_logits is None:
            return speech.symbols, tf.ones(inputs.shape[:1], tf.bool)
        return speech.symbols, tf.reduce_all(tf.math.is_finite(speech.policy_logits), axis=[1, 2])
