"""The records that flow through one game, one per stage, each filled once.

Sizes: B games, T symbols in a message, V symbols in the vocabulary, F features of an input, C candidates, H units of
a core. Where a listener names an input's L labels instead of choosing, the C candidates are the classes of a label, and
what says [B] of targets and choices, or [B, C] of scores, is [B, L] and [B, L, C].
"""

from typing import NamedTuple

import tensorflow as tf


class Batch(NamedTuple):
    """What the data pipeline delivers for B games."""

    inputs: tf.Tensor  # [B, F] what the speaker sees
    labels: dict[str, tf.Tensor]  # each [B, ...]; empty where the data set has none


class Candidates(NamedTuple):
    """What the listeners of B games choose from."""

    inputs: tf.Tensor | None  # [N, F] every input that is a candidate of some game; None: candidates are classes
    shown: tf.Tensor | None  # [B, C] which of the N each game shows; None: every game shows all N, in order (C = N)
    target: tf.Tensor  # [B] position of the right one among the C


class Speech(NamedTuple):
    """What a speaker did: its symbols, and what it thought at each of them."""

    symbols: tf.Tensor  # [B, T] int32
    log_probs: tf.Tensor  # [B, T] of the symbols
    entropy: tf.Tensor  # [B, T] nats
    policy_logits: tf.Tensor  # [B, T, V]
    value: tf.Tensor | None  # [B, T] where the head has it
    q_values: tf.Tensor | None  # [B, T, V] where the head has them
    relaxed: tf.Tensor | None = None  # [B, T, V] soft symbols, where gradients are to reach the speaker through them
    lengths: tf.Tensor | None = None  # [B] int32, symbols before the message ends; T where messages have no end


class Message(NamedTuple):
    """What arrives at the listener: symbols in [0, V], where V is UNK, "erased"."""

    symbols: tf.Tensor  # [B, T] int32
    relaxed: tf.Tensor | None = None  # [B, T, V + 1] soft symbols, which a listener reads instead where there are any


class Hearing(NamedTuple):
    """What a listener made of a message."""

    scores: tf.Tensor  # [B, C] one score a candidate; a softmax over them is its policy
    value: tf.Tensor | None  # [B] where the head has it
    q_values: tf.Tensor | None  # [B, C] where the head has them


class Choice(NamedTuple):
    """The candidate that a listener took."""

    candidates: tf.Tensor  # [B] int32, positions among the C
    log_probs: tf.Tensor  # [B] of the choice
    entropy: tf.Tensor  # [B] nats


class Outcome(NamedTuple):
    """How the games ended."""

    success: tf.Tensor  # [B] float, in [0, 1]
    reward: tf.Tensor  # [B] what both agents are paid; no gradient flows through it


class Play(NamedTuple):
    """Everything about B games, from the input to the pay: what losses, metrics and corpora are made of."""

    batch: Batch
    speech: Speech
    target_speech: Speech
    message: Message
    candidates: Candidates
    hearing: Hearing
    choice: Choice
    outcome: Outcome


class LossTerms(NamedTuple):
    """A loss, game by game."""

    loss: tf.Tensor  # [B] the sum that is differentiated
    terms: dict[str, tf.Tensor]  # each [B]: its parts and what is worth watching
