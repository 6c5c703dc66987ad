"""The grammar without rules."""

import tensorflow as tf

from tf_emcom.grammars.grammar import Grammar


class AnySymbol(Grammar):
    """Any symbol may follow any other, and every message has T of them."""

    def for_vocabulary(self, vocab_size: int) -> "AnySymbol":
        """Itself."""
        return self

    def allowed(self, logits: tf.Tensor, previous: tf.Tensor) -> tf.Tensor:
        """The logits [B, V] as they are."""
        return logits

    def lengths(self, symbols: tf.Tensor) -> tf.Tensor:
        """T, int32 [B]."""
        return tf.fill(tf.shape(symbols)[:1], symbols.shape[1])

    def keep_silence(self, sent: tf.Tensor, received: tf.Tensor) -> tf.Tensor:
        """`received` [B, T]: nothing is silence."""
        return received
