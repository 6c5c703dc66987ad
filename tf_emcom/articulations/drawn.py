"""The articulation of a speaker that learns by reward."""

import tensorflow as tf

from tf_emcom.articulations.articulation import Articulation
from tf_emcom.ops import categorical


class Drawn(Articulation):
    """A draw from the policy; no gradient flows through it."""

    def draws(self, vocab_size: int) -> tuple[int, ...]:
        """One number a symbol."""
        return ()

    def __call__(self, logits: tf.Tensor, uniform: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, None]:
        """The symbols, int32 [B]."""
        return categorical.draw(logits, uniform), None
