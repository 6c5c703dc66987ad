"""What every reward is."""

import abc

import tensorflow as tf

from tf_emcom.arguments import Checked
from tf_emcom.types import Candidates, Hearing, Speech


class Reward(Checked, abc.ABC):
    """What a game pays to speaker and listener."""

    @abc.abstractmethod
    def __call__(self, success: tf.Tensor, speech: Speech, hearing: Hearing, candidates: Candidates) -> tf.Tensor:
        """The pay; no gradient flows through it.

        Args:
          success: [B] in [0, 1].
          speech: what was said.
          hearing: what the listener made of it.
          candidates: what it could take.

        Returns:
          [B].
        """
