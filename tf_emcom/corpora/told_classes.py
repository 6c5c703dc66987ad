"""Answering by telling labels."""

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.corpora.answer import Answer, Answered
from tf_emcom.data.examples import Examples
from tf_emcom.types import Message


class ToldClasses(Answer):
    """The listener tells the classes of the input's labels, from the message alone."""

    def __init__(self, label: str) -> None:
        """`label` is what the classes are those of: whole numbers [N] or [N, L]."""
        self.label = label
        self.labels = (label,)

    def heard(self, listener: Listener, message: Message, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """The most probable class of each label, int32 [B, L], and whether all predictions are finite."""
        told = listener.predictions(message)
        finite = tf.reduce_all(tf.math.is_finite(told), axis=[1, 2])
        return {"classes": tf.argmax(told, axis=-1, output_type=tf.int32), "finite": finite}

    def answered(self, heard: dict[str, np.ndarray], rows: np.ndarray, examples: Examples) -> Answered:
        """The classes, in the shape of the label itself, and the share of the labels that are told right."""
        targets = np.asarray(examples.labels[self.label][rows])
        choice = heard["classes"].reshape(targets.shape)
        right = (choice == targets).reshape(len(rows), -1)
        return Answered(choice, right.mean(axis=1, dtype=np.float32))
