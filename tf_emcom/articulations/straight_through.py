"""The articulation of hard symbols that gradients pass all the same."""

import tensorflow as tf

from tf_emcom.articulations.gumbel_softmax import GumbelSoftmax
from tf_emcom.ops import relaxation


class StraightThrough(GumbelSoftmax):
    """What is heard is a hard symbol; gradients take it for the soft one (Bengio et al. 2013; Jang et al. 2017)."""

    def __call__(self, logits: tf.Tensor, uniform: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The symbols, int32 [B], and the same as one-hot rows [B, V] with the gradient of the soft ones."""
        symbols, relaxed = super().__call__(logits, uniform, step)
        return symbols, relaxation.hardened(relaxed, symbols)
