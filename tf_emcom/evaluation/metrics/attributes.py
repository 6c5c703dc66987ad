"""Measures of messages and the attributes of what they are about."""

import abc
from collections.abc import Iterable

import numpy as np

from tf_emcom.checks import Checked
from tf_emcom.evaluation.metrics.measures import as_attributes, as_messages, entropy, mutual_information, numbered


class AttributeMeasure(Checked, abc.ABC):
    """A number in [0, 1] that says how messages express attributes, of which only same and different values count."""

    name: str  # in results

    @abc.abstractmethod
    def __call__(self, messages: np.ndarray, attributes: np.ndarray) -> float:
        """The number for messages int [N, T] about attributes int [N, A]; nan where it is undefined."""


def mean_gap(variables: Iterable[np.ndarray], attributes: np.ndarray) -> float:
    """Mean gap between a variable's two largest mutual informations with attributes int [N, A], by its entropy.

    Variables, each int [N], are functions of the messages; those that do not vary are left out. The mean is in [0, 1];
    nan where no variable varies, or there are fewer than two attributes.
    """
    columns = [numbered(column) for column in attributes.T]
    gaps = []
    for variable in map(numbered, variables):
        if len(columns) > 1 and variable.any():
            second, first = sorted(mutual_information(variable, attribute) for attribute in columns)[-2:]
            gaps.append((first - second) / entropy(np.bincount(variable)))
    return float(np.mean(gaps)) if gaps else float("nan")


class PositionalDisentanglement(AttributeMeasure):
    """Mean over positions t of (I(s_t; a¹) − I(s_t; a²)) / H(s_t), a¹ and a² being what s_t says most about.

    Chaabouni et al. 2020, "Compositionality and generalization in emergent languages": "posdis". Positions without
    entropy, where always the same is said, are left out. Entropies are plug-in estimates: with few messages for each
    value, every position seems to say something about everything. nan where all messages are the same, or there are
    fewer than two attributes.
    """

    name = "positional_disentanglement"

    def __call__(self, messages: np.ndarray, attributes: np.ndarray) -> float:
        messages = as_messages(messages)
        return mean_gap(messages.T, as_attributes(attributes, len(messages)))


class BagOfSymbolsDisentanglement(AttributeMeasure):
    """Mean over symbols v of (I(n_v; a¹) − I(n_v; a²)) / H(n_v), n_v being how often v stands in a message.

    Chaabouni et al. 2020, "Compositionality and generalization in emergent languages": "bosdis". Symbols without
    entropy, which every message has equally often, are left out. nan where none is left, or there are fewer than two
    attributes.
    """

    name = "bag_of_symbols_disentanglement"

    def __call__(self, messages: np.ndarray, attributes: np.ndarray) -> float:
        messages = as_messages(messages)
        counts = ((messages == symbol).sum(axis=1) for symbol in np.unique(messages))
        return mean_gap(counts, as_attributes(attributes, len(messages)))


class ContextIndependence(AttributeMeasure):
    """Mean over concepts k of p(v_k | k) · p(k | v_k), v_k being the symbol v with the largest p(k | v).

    Bogin, Geva and Berant 2018, "Emergence of communication in an interactive world with consistent speakers".

    A concept is a value of an attribute. The probabilities are counted: p(v | k) is the share of the messages about k
    that have v in them, p(k | v) the share of the messages with v that are about k. Of several v with the same p(k | v)
    the one with the largest p(v | k) counts. Attributes that do not vary are left out: all symbols would be about them.

    By that definition a symbol heard once, about k, beats one that is said of k nearly always and of others at times: a
    language with many rare symbols is near 0. nan where no attribute varies.
    """

    name = "context_independence"

    def __call__(self, messages: np.ndarray, attributes: np.ndarray) -> float:
        messages = as_messages(messages)
        attributes = as_attributes(attributes, len(messages))
        symbols = numbered(messages.reshape(-1)).reshape(messages.shape)
        vocabulary = symbols.max(initial=0) + 1
        # Every symbol of every message once.
        heard = np.unique(np.arange(len(messages))[:, np.newaxis] * vocabulary + symbols)
        rows, symbols = np.divmod(heard, vocabulary)
        scores = [_scores(numbered(column), rows, symbols) for column in attributes.T if len(np.unique(column)) > 1]
        return float(np.mean(np.concatenate(scores))) if scores else float("nan")


def _scores(concepts: np.ndarray, rows: np.ndarray, symbols: np.ndarray) -> np.ndarray:
    """p(v_k | k) · p(k | v_k) for the K values of an attribute, [K]; concepts int [N], rows and symbols int [P]."""
    vocabulary = symbols.max() + 1
    about = np.bincount(concepts)
    together = np.bincount(concepts[rows] * vocabulary + symbols, minlength=len(about) * vocabulary)
    together = together.reshape(len(about), vocabulary)
    symbol_given_concept = together / about[:, np.newaxis]
    concept_given_symbol = together / np.bincount(symbols)
    best = concept_given_symbol == concept_given_symbol.max(axis=1, keepdims=True)
    return np.where(best, symbol_given_concept * concept_given_symbol, 0.0).max(axis=1)
