"""What every grammar is."""

import abc

import tensorflow as tf

from tf_emcom.arguments import Checked


class Grammar(Checked, abc.ABC):
    """Which symbols a speaker may say after which, and what of a message is silence."""

    @abc.abstractmethod
    def for_vocabulary(self, vocab_size: int) -> "Grammar":
        """This grammar for V = `vocab_size` symbols; UserError where it does not fit them."""

    @abc.abstractmethod
    def allowed(self, logits: tf.Tensor, previous: tf.Tensor) -> tf.Tensor:
        """The policy's logits [B, V] with what may not follow ruled out.

        Args:
          logits: [B, V].
          previous: int32 [B], the symbol before; V, the start symbol, at the beginning.
        """

    @abc.abstractmethod
    def lengths(self, symbols: tf.Tensor) -> tf.Tensor:
        """How many symbols messages [B, T] have before they end: int32 [B] in [0, T]."""

    @abc.abstractmethod
    def keep_silence(self, sent: tf.Tensor, received: tf.Tensor) -> tf.Tensor:
        """What arrives of messages [B, T] once the silence behind their end is left to be silence.

        Args:
          sent: int32 [B, T], what the speaker said.
          received: int32 [B, T], what a channel made of it.

        Returns:
          int32 [B, T].
        """
