"""What every reward is."""

import abc

import tensorflow as tf

from tf_emcom.types import Candidates, Hearing


class Reward(abc.ABC):
    """What a game pays to speaker and listener."""

    @abc.abstractmethod
    def __call__(self, success: tf.Tensor, hearing: Hearing, candidates: Candidates) -> tf.Tensor:
        """The pay [B], given success [B] in [0, 1]; no gradient flows through it."""
