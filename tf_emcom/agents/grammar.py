"""Which symbols may follow, and where a message ends."""

import abc

import tensorflow as tf

from tf_emcom.checks import Checked, Index
from tf_emcom.errors import UserError


class Grammar(Checked, abc.ABC):
    """Which symbols a speaker may say after which, and what of a message is silence."""

    @abc.abstractmethod
    def for_vocabulary(self, vocab_size: int) -> "Grammar":
        """This grammar for V = `vocab_size` symbols; UserError where it does not fit them."""

    @abc.abstractmethod
    def allowed(self, logits: tf.Tensor, previous: tf.Tensor) -> tf.Tensor:
        """The policy's logits [B, V] with what may not follow the `previous` symbols ruled out.

        These are int32 [B]; V, the start symbol, at the beginning.
        """

    @abc.abstractmethod
    def lengths(self, symbols: tf.Tensor) -> tf.Tensor:
        """How many symbols messages [B, T] have before they end: int32 [B] in [0, T]."""

    @abc.abstractmethod
    def mask_after_end(self, sent: tf.Tensor, received: tf.Tensor) -> tf.Tensor:
        """The received messages, with everything behind the end that was sent as it was sent; all int32 [B, T]."""


class AnySymbol(Grammar):
    """Any symbol may follow any other, and every message has T of them."""

    def for_vocabulary(self, vocab_size: int) -> "AnySymbol":
        return self

    def allowed(self, logits: tf.Tensor, previous: tf.Tensor) -> tf.Tensor:
        return logits

    def lengths(self, symbols: tf.Tensor) -> tf.Tensor:
        return tf.fill(tf.shape(symbols)[:1], symbols.shape[1])

    def mask_after_end(self, sent: tf.Tensor, received: tf.Tensor) -> tf.Tensor:
        return received


# Far below any logit, so that its probability is exactly 0, and finite, so that 0 · logit and gradients are numbers.
_RULED_OUT = -1e4


class EndSymbol(Grammar):
    """A message ends at its first end symbol; what follows is silence, written as more end symbols.

    After the end the end symbol is certain: its log-probability, the entropy and the divergence from any other speaker
    of this grammar are exactly 0 there, and no gradient flows. The end itself can be lost on the way like any symbol;
    silence cannot, since a channel has nothing to corrupt there.
    """

    def __init__(self, symbol: Index | None = None) -> None:
        """`symbol` is the id of the end symbol; None: the last of the vocabulary, V − 1."""
        self.symbol = symbol

    def for_vocabulary(self, vocab_size: int) -> "EndSymbol":
        if self.symbol is None:
            return EndSymbol(vocab_size - 1)
        if self.symbol >= vocab_size:
            raise UserError(
                f"EndSymbol.symbol is {self.symbol}, but the vocabulary has the ids 0 to {vocab_size - 1}; bind it to"
                " one of them, or leave it out for the last."
            )
        return self

    def allowed(self, logits: tf.Tensor, previous: tf.Tensor) -> tf.Tensor:
        """The logits [B, V]; after the end symbol, those of its certainty."""
        is_end = tf.range(logits.shape[-1]) == self.symbol
        silence = tf.cast(tf.where(is_end, 0.0, _RULED_OUT), logits.dtype)
        return tf.where((previous == self.symbol)[:, tf.newaxis], silence, logits)

    def lengths(self, symbols: tf.Tensor) -> tf.Tensor:
        """How many symbols come before the first end symbol, which is not counted; T where there is none: int32 [B]."""
        return tf.reduce_sum(tf.cast(self._ends(symbols) == 0, tf.int32), axis=1)

    def mask_after_end(self, sent: tf.Tensor, received: tf.Tensor) -> tf.Tensor:
        """`received` [B, T] up to the end symbol that was sent, and end symbols behind it."""
        ends = self._ends(sent)
        after_the_end = tf.concat([tf.zeros_like(ends[:, :1]), ends[:, :-1]], axis=1) > 0
        return tf.where(after_the_end, self.symbol, received)

    def _ends(self, symbols: tf.Tensor) -> tf.Tensor:
        """How many end symbols there are up to each position, itself included: int32 [B, T]."""
        return tf.cumsum(tf.cast(symbols == self.symbol, tf.int32), axis=1)
