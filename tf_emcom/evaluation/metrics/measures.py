"""Measures of messages alone."""

import abc
from typing import Annotated, NamedTuple

import numpy as np

from tf_emcom.checks import Checked, Index, Least
from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.success import SuccessRate, design_effect


def as_messages(messages: np.ndarray) -> np.ndarray:
    """Messages as an array of whole numbers [N, T], T being 1 or more; UserError where they are anything else."""
    return _table(messages, "iu", "Messages", "whole numbers [N, T]; give one row of symbols for each message", least=1)


def as_vectors(vectors: np.ndarray) -> np.ndarray:
    """Vectors as float64 [N, F]; UserError where they are anything else."""
    return _table(vectors, "biuf", "Meanings", "numbers [N, F]; give one row for each meaning").astype(np.float64)


def as_attributes(attributes: np.ndarray, count: int) -> np.ndarray:
    """Attributes as int64 [count, A], booleans being 0 and 1; UserError where they are anything else."""
    wanted = f"whole numbers [{count}, A], for as many messages; give one column for each attribute"
    return _table(attributes, "biu", "Attributes", wanted, rows=count).astype(np.int64)


def _table(
    values: np.ndarray, kinds: str, what: str, wanted: str, rows: int | None = None, least: int = 0
) -> np.ndarray:
    found = np.asarray(values)
    if found.ndim != 2 or found.dtype.kind not in kinds or found.shape[1] < least or rows not in (None, len(found)):
        raise UserError(
            f"{what} of type {found.dtype} and shape {list(found.shape)} were given, but they have to be {wanted}."
        )
    return found


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


class Sample(Checked):
    """At most so many of N examples, without replacement: the work of comparing all pairs grows with N²."""

    def __init__(self, most: Annotated[int, Least(1)] = 1000, seed: Index = 42) -> None:
        """`most` are drawn, all of them where there are no more; `seed` is that of the draws."""
        self.most, self.seed = most, seed

    def rows(self, count: int, draw: int = 0) -> np.ndarray:
        """Positions in [0, count), ascending: int [min(most, count)], a function of the seed and the draw's number."""
        if count <= self.most:
            return np.arange(count)
        generator = np.random.Generator(np.random.PCG64([self.seed, draw]))
        return np.sort(generator.permutation(count)[: self.most])


class MessageMeasure(Checked, abc.ABC):
    """A number that messages have by themselves, whatever they mean."""

    name: str  # in results

    @abc.abstractmethod
    def __call__(self, messages: np.ndarray) -> float:
        """The number for messages int [N, T]; nan where it is undefined."""

    def sampled(self, messages: np.ndarray, sample: Sample) -> np.ndarray:
        """Those of many messages that are worth the work: all of them, unless it grows faster than their number."""
        return messages


class SampleMean(NamedTuple):
    """The mean of one number a game, where examples are played more than once."""

    totals: np.ndarray  # float64 [N], the sum over each example's games
    counts: np.ndarray  # int [N], how many games each example had; 0 where it had none

    @property
    def games(self) -> int:
        return int(self.counts.sum())

    @property
    def inputs(self) -> int:
        return int(np.count_nonzero(self.counts))

    @property
    def mean(self) -> float:
        return float(self.totals.sum() / self.games)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of a normal distribution, from the standard deviation (n − 1) of the examples' own means.

        Games of one example are no new examples, so only these count. All games share one speaker and one listener:
        read it as the least uncertainty there is.
        """
        means = (self.totals / np.maximum(self.counts, 1))[self.counts > 0]
        spread = float(means.std(ddof=1)) if len(means) > 1 else 0.0
        half = 1.959964 * spread / len(means) ** 0.5
        return self.mean - half, self.mean + half

    @property
    def interval_of_share(self) -> tuple[float, float]:
        """The same for a number in [0, 1]: within these bounds, and not of width 0 where all games end alike.

        A game may count in parts, such as the share of an example's labels that are right, whose variance is smaller
        than that of a success or a failure.
        """
        effect = float(design_effect(self.totals, self.counts, least=0.0))
        return SuccessRate(float(self.totals.sum()), self.games, effect).interval


class UniqueMessages(MessageMeasure):
    """The number of different messages among N: the size of the lexicon (Lazaridou et al. 2018)."""

    name = "unique_messages"

    def __call__(self, messages: np.ndarray) -> float:
        return float(len(np.unique(as_messages(messages), axis=0)))


class UniqueMessageShare(MessageMeasure):
    """The number of different messages by that of all (Lazaridou et al. 2018), in [1/N, 1]; nan without messages."""

    name = "unique_message_share"

    def __call__(self, messages: np.ndarray) -> float:
        return UniqueMessages()(messages) / len(messages) if len(messages) else float("nan")


class MessageEntropy(MessageMeasure):
    """Entropy of whole messages, H = −Σ p log p in nats (Shannon 1948, "A mathematical theory of communication").

    The plug-in estimator: p is a message's share of the N. It can be no more than log N and lies below the truth where
    messages are many and N is small (Miller 1955), so compare it between languages at the same N only. nan without
    messages.
    """

    name = "message_entropy"

    def __call__(self, messages: np.ndarray) -> float:
        messages = as_messages(messages)
        return entropy(np.bincount(numbered(messages))) if len(messages) else float("nan")


class SymbolUse(NamedTuple):
    """How often every symbol stands at every position of N messages."""

    counts: np.ndarray  # int64 [T, V]

    @classmethod
    def of(cls, messages: np.ndarray, vocab_size: int) -> "SymbolUse":
        """Counts messages int [N, T]; UserError where a symbol is not in [0, vocab_size)."""
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
