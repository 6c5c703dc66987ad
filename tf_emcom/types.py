"""The records of one game, one for each stage, each filled once.

Sizes: B games, T symbols in a message, V symbols in the vocabulary, F features of an input, C candidates, H units of
a core. Where a listener names an input's L labels instead of choosing, the C candidates are the classes of a label:
targets and choices are [B, L] instead of [B], and scores are [B, L, C] instead of [B, C].
"""

from typing import NamedTuple

import tensorflow as tf


class Batch(NamedTuple):
    """The data of B games."""

    inputs: tf.Tensor
    """[B, F], seen by the speaker."""
    labels: dict[str, tf.Tensor]
    """Each [B, ...]; empty where the data set has none."""


class Candidates(NamedTuple):
    """The candidates that the listeners of B games choose from."""

    inputs: tf.Tensor | None
    """[N, F], every input that is a candidate of a game; None: candidates are classes."""
    shown: tf.Tensor | None
    """[B, C], which of the N each game shows; None: every game shows all N, in order (C = N)."""
    target: tf.Tensor
    """[B], position of the right candidate among the C."""


class Speech(NamedTuple):
    """The symbols of a speaker, and the outputs of its head at each of them."""

    symbols: tf.Tensor
    """int32 [B, T]."""
    log_probs: tf.Tensor
    """[B, T], of the symbols."""
    entropy: tf.Tensor
    """[B, T], in nats."""
    policy_logits: tf.Tensor
    """[B, T, V]."""
    value: tf.Tensor | None
    """[B, T], where the head has it."""
    q_values: tf.Tensor | None
    """[B, T, V], where the head has them."""
    relaxed: tf.Tensor | None = None
    """[B, T, V], soft symbols, where gradients reach the speaker through them."""
    lengths: tf.Tensor | None = None
    """int32 [B], symbols before the message ends; T where messages have no end."""


class Message(NamedTuple):
    """The message that arrives at the listener: symbols in [0, V], where V is UNK, "erased"."""

    symbols: tf.Tensor
    """int32 [B, T]."""
    relaxed: tf.Tensor | None = None
    """[B, T, V + 1], soft symbols, which a listener reads instead of `symbols` where there are any."""


class Hearing(NamedTuple):
    """The outputs of a listener's head for a message."""

    scores: tf.Tensor
    """[B, C], one for each candidate; a softmax over them is the policy."""
    value: tf.Tensor | None
    """[B], where the head has it."""
    q_values: tf.Tensor | None
    """[B, C], where the head has them."""


class Choice(NamedTuple):
    """The candidate that a listener chose."""

    candidates: tf.Tensor
    """int32 [B], positions among the C."""
    log_probs: tf.Tensor
    """[B], of the choice."""
    entropy: tf.Tensor
    """[B], in nats."""


class Outcome(NamedTuple):
    """How the games ended."""

    success: tf.Tensor
    """float [B], in [0, 1]."""
    reward: tf.Tensor
    """[B], of both agents; no gradient flows through it."""


class Play(NamedTuple):
    """All records of B games, from the input to the reward; losses, metrics and corpora are made of them."""

    batch: Batch
    speech: Speech
    target_speech: Speech
    message: Message
    candidates: Candidates
    hearing: Hearing
    choice: Choice
    outcome: Outcome


class LossTerms(NamedTuple):
    """A loss for each game."""

    loss: tf.Tensor
    """[B], the sum that is differentiated."""
    terms: dict[str, tf.Tensor]
    """Each [B]: its parts, and other numbers for the logs."""
    by_label: tf.Tensor | None = None
    """[B, L], accuracy at each of L labels, which tests tell apart and logs do not."""
