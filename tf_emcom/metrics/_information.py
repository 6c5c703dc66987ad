"""Entropy and mutual information, estimated by taking shares for probabilities ("plug-in"), in nats (Shannon 1948)."""

import numpy as np


def numbered(values: np.ndarray) -> np.ndarray:
    """Which of the different values each is, int [N]: numbers from 0 up, without gaps; rows count for [N, K]."""
    return np.unique(values, axis=0, return_inverse=True)[1].reshape(-1)


def entropy(counts: np.ndarray) -> float:
    """H of what was counted, [K] → nats; nothing was never counted: 0 log 0 = 0."""
    shares = counts[counts > 0] / counts.sum()
    # Adding zero makes a zero of a negative one.
    return float(-(shares * np.log(shares)).sum() + 0.0)


def mutual_information(left: np.ndarray, right: np.ndarray) -> float:
    """I = H(left) + H(right) − H(left, right) of two numbered variables int [N], in nats; at least 0."""
    joint = np.bincount(left * (right.max() + 1) + right)
    return max(entropy(np.bincount(left)) + entropy(np.bincount(right)) - entropy(joint), 0.0)
