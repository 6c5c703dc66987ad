"""The articulation that gradients pass."""

import tensorflow as tf

from tf_emcom.articulations.articulation import Articulation
from tf_emcom.errors import UserError
from tf_emcom.ops import relaxation
from tf_emcom.schedules.schedule import Schedule, at, bounds_of


class GumbelSoftmax(Articulation):
    """A draw from the policy, and a soft symbol close to it (Jang et al. 2017; Maddison et al. 2017).

    The soft symbol is softmax((logits + Gumbel noise) / temperature), the symbol its largest entry. The listener reads
    the soft one, as does the speaker when it goes on to the next symbol.
    """

    def __init__(self, temperature: Schedule | float = 1.0) -> None:
        """`temperature` above 0, constant or a schedule; UserError otherwise."""
        if not bounds_of(temperature)[0] > 0:
            raise UserError(
                f"{type(self).__name__}.temperature falls to {bounds_of(temperature)[0]}, but logits are divided by it;"
                " bind it above 0."
            )
        self.temperature = temperature

    def draws(self, vocab_size: int) -> tuple[int, ...]:
        """V numbers a symbol."""
        return (vocab_size,)

    def __call__(self, logits: tf.Tensor, uniform: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The symbols, int32 [B], and what they are the hard form of, [B, V]."""
        noisy = logits + relaxation.gumbel(uniform)
        return tf.argmax(noisy, axis=-1, output_type=tf.int32), tf.nn.softmax(noisy / at(self.temperature, step))
