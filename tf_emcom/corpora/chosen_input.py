"""Answering by choosing an input."""

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.corpora.answer import Answer, Answered
from tf_emcom.data.examples import Examples
from tf_emcom.ops.selection import take_shown
from tf_emcom.types import Message

# Messages that are scored at the same time, as in evaluations: all scores of a large group would leave the cache.
_SCORED_AT_ONCE = 512


class ChosenInput(Answer):
    """The listener takes one of the C inputs of the message's group."""

    def __init__(self, candidates: int) -> None:
        """`candidates` is C."""
        self.group = self.candidates = candidates

    def heard(self, listener: Listener, message: Message, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Which of its group's inputs fits each message best: int32 [B] in [0, C); whether its scores are finite."""
        heard = listener.head.project_messages(listener.represent(message))
        seen = listener.head.project_candidates(inputs)
        games = inputs.shape[0]
        group = np.arange(games) // self.group
        shown = tf.constant(group[:, np.newaxis] * self.group + np.arange(self.group), tf.int32)
        choices, finite = [], []
        for start in range(0, games, _SCORED_AT_ONCE):
            part = slice(start, min(start + _SCORED_AT_ONCE, games))
            scores = listener.head.compare(heard[part], seen)
            here = None if self.group == games else shown[part]
            scores = take_shown(scores, here)
            choices.append(tf.argmax(scores, axis=-1, output_type=tf.int32))
            finite.append(tf.reduce_all(tf.math.is_finite(scores), axis=-1))
        return {"position": tf.concat(choices, axis=0), "finite": tf.concat(finite, axis=0)}

    def answered(self, heard: dict[str, np.ndarray], rows: np.ndarray, examples: Examples) -> Answered:
        """The ids of the inputs taken, and whether they are the right ones."""
        first = np.arange(len(rows)) // self.group * self.group
        choice = rows[first + heard["position"]]
        return Answered(choice, (choice == rows).astype(np.float32))
