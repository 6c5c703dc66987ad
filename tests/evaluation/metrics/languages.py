"""Languages whose properties are known."""

import numpy as np


def all_meanings(*sizes):
    """Every combination of attributes with that many values, int32 [N, A]."""
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1).astype(np.int32)


def compositional(meanings):
    """One position for each attribute, and no symbol at two positions."""
    return (meanings + 10 * np.arange(meanings.shape[1])).astype(np.int32)


def permuted(messages, seed=0):
    """The same messages, each for another's meaning."""
    return np.random.default_rng(seed).permutation(messages)


def random_messages(count, length=10, vocab_size=20, seed=0):
    return np.random.default_rng(seed).integers(0, vocab_size, (count, length)).astype(np.int32)
