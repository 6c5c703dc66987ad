"""A tiny world where inputs are names: a speaker that spells them out, and the tasks about them."""

import functools

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.grammar import AnySymbol
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.recurrent import LstmCore
from tf_emcom.games.transfer import TransferGame
from tf_emcom.training.optimizers import Adam
from tf_emcom.training.transfer_learner import TransferLearner
from tf_emcom.types import Speech

V, T = 3, 4
NAMES = np.stack(np.unravel_index(np.arange(V**T), (V,) * T), axis=1).astype(np.int32)
INPUTS = np.eye(V, dtype=np.float32)[NAMES].reshape(len(NAMES), V * T)
LABELS = {
    "label": NAMES[:, 0] * V + NAMES[:, 1],
    "attributes": (NAMES == 1).astype(np.int32),
    # The first two symbols as the colour of the upper and of the lower half.
    "image": np.repeat(NAMES[:, :2] * 127, 4, axis=1).reshape(-1, 2, 4, 1).repeat(4, 1).repeat(3, 3).astype(np.uint8),
}


class Speller(keras.Model):
    """Says of an input its name, letter by letter."""

    vocab_size, message_length, grammar = V, T, AnySymbol()

    def greedy(self, inputs):
        symbols = tf.argmax(tf.reshape(inputs, (-1, T, V)), axis=-1, output_type=tf.int32)
        return Speech(symbols, None, None, None, None, None)


class Source:
    """Where the speller comes from."""

    def __init__(self, wrap=lambda speaker: speaker):
        self.wrap = wrap

    def speaker(self, features):
        assert features == V * T
        return self.wrap(Speller())

    def documents(self):
        return {}

    def subjects(self, count, seed):
        return None


def learner(task, channel, batch_size, source=None):
    """A new listener that is about to learn the task."""
    return TransferLearner(
        TransferGame(channel, task),
        source or Source(),
        functools.partial(Listener, core_cls=functools.partial(LstmCore, 24), embedding_size=5),
        functools.partial(Adam, learning_rate=1e-2),
        features=V * T,
        batch_size=batch_size,
    )
