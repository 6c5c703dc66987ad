"""What every articulation is."""

import abc

import tensorflow as tf

from tf_emcom.arguments import Checked


class Articulation(Checked, abc.ABC):
    """How a speaker that explores makes a symbol of its policy."""

    @abc.abstractmethod
    def draws(self, vocab_size: int) -> tuple[int, ...]:
        """The shape of the uniform draws that one symbol out of `vocab_size` takes."""

    @abc.abstractmethod
    def __call__(
        self, logits: tf.Tensor, uniform: tf.Tensor, step: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Utters one symbol in each game.

        Args:
          logits: [B, V], the policy.
          uniform: [B, *draws(V)] in (0, 1).
          step: integer [], where schedules stand.

        Returns:
          The symbols, int32 [B], and soft symbols [B, V] through which gradients flow back to the policy; None where
          there are none.
        """
