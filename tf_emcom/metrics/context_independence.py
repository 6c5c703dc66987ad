"""Whether every concept has a symbol of its own."""

import numpy as np

from tf_emcom.metrics._arrays import as_attributes, as_messages
from tf_emcom.metrics._information import numbered
from tf_emcom.metrics.attribute_measure import AttributeMeasure


class ContextIndependence(AttributeMeasure):
    """Mean over concepts k of p(v_k | k) · p(k | v_k), v_k being the symbol v with the largest p(k | v).

    Bogin, Geva and Berant 2018, "Emergence of communication in an interactive world with consistent speakers".

    A concept is a value of an attribute. The probabilities are counted: p(v | k) is the share of the messages about k
    that have v in them, p(k | v) the share of the messages with v that are about k. Of several v with the same p(k | v)
    the one with the largest p(v | k) counts. Attributes that do not vary are left out: all symbols would be about them.

    By that definition a symbol heard once, about k, beats one that is said of k nearly always and of others at times: a
    language with many rare symbols is near 0.
    """

    name = "context_independence"

    def __call__(self, messages: np.ndarray, attributes: np.ndarray) -> float:
        """Measures N messages.

        Args:
          messages: int [N, T].
          attributes: int [N, A], values that only tell same from different.

        Returns:
          In [0, 1]; nan where no attribute varies.
        """
        messages = as_messages(messages)
        attributes = as_attributes(attributes, len(messages))
        rows, symbols = _heard(numbered(messages.reshape(-1)).reshape(messages.shape))
        scores = [_scores(numbered(column), rows, symbols) for column in attributes.T if len(np.unique(column)) > 1]
        return float(np.mean(np.concatenate(scores))) if scores else float("nan")


def _heard(messages: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every symbol of every message once: the messages' rows and the symbols, both int [P]."""
    ordered = np.sort(messages, axis=1)
    first = np.ones(ordered.shape, bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    return np.nonzero(first)[0], ordered[first]


def _scores(concepts: np.ndarray, rows: np.ndarray, symbols: np.ndarray) -> np.ndarray:
    """p(v_k | k) · p(k | v_k) for the K values of one attribute, [K].

    Args:
      concepts: the value of each message, int [N], numbered.
      rows: int [P].
      symbols: what stands in that row, int [P], numbered; each once.
    """
    vocabulary = symbols.max() + 1
    about = np.bincount(concepts)
    together = np.bincount(concepts[rows] * vocabulary + symbols, minlength=len(about) * vocabulary)
    together = together.reshape(len(about), vocabulary)
    symbol_given_concept = together / about[:, np.newaxis]
    concept_given_symbol = together / np.bincount(symbols)
    best = concept_given_symbol == concept_given_symbol.max(axis=1, keepdims=True)
    return np.where(best, symbol_given_concept * concept_given_symbol, 0.0).max(axis=1)
