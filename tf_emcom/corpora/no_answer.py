"""Messages that nobody answers."""

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.corpora.answer import Answer, Answered
from tf_emcom.data.examples import Examples
from tf_emcom.types import Message


class NoAnswer(Answer):
    """The listener is not asked: what it does with a message is no choice."""

    def heard(self, listener: Listener, message: Message, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Nothing."""
        return {}

    def answered(self, heard: dict[str, np.ndarray], rows: np.ndarray, examples: Examples) -> Answered:
        """Neither choice nor success."""
        return Answered(None, None)
