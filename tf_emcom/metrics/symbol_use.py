"""Which symbols are said where."""

from typing import NamedTuple

import numpy as np

from tf_emcom.errors import UserError
from tf_emcom.metrics._arrays import as_messages
from tf_emcom.metrics._information import entropy


class SymbolUse(NamedTuple):
    """How often every symbol stands at every position of N messages."""

    counts: np.ndarray  # int64 [T, V]

    @classmethod
    def of(cls, messages: np.ndarray, vocab_size: int) -> "SymbolUse":
        """Counts messages int [N, T] of symbols in [0, vocab_size).

        Raises:
          UserError: a symbol is not in the vocabulary.
        """
        messages = as_messages(messages)
        if messages.size and not 0 <= messages.min() <= messages.max() < vocab_size:
            raise UserError(
                f"Symbols from {messages.min()} to {messages.max()} were given, but the vocabulary has {vocab_size}: 0"
                f" to {vocab_size - 1}; give messages as they were spoken, before any channel."
            )
        return cls(np.stack([np.bincount(position, minlength=vocab_size) for position in messages.T]))

    @property
    def shares(self) -> np.ndarray:
        """Shares of the N messages, float64 [T, V]; every position adds up to 1. nan without messages."""
        totals = self.counts.sum(axis=1, keepdims=True)
        return np.where(totals > 0, self.counts / np.maximum(totals, 1), np.nan)

    @property
    def entropy(self) -> np.ndarray:
        """Plug-in entropy of the symbol at each position (Shannon 1948), nats, float64 [T]; nan without messages."""
        return np.array([entropy(position) if position.any() else np.nan for position in self.counts])
