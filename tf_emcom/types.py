"""The records of one game, one for each stage, each filled once.

Sizes: B games, T symbols in a message, V symbols in the vocabulary, F features of an input, C candidates, H units of
a core. Where a listener names an input's L labels instead of choosing, the C candidates are the classes of a label:
targets and choices are [B, L] instead of [B], and scores are [B, L, C] instead of [B, C].
"""

from typing import NamedTuple

import tensorflow as tf


class Batch(NamedTuple):
    """The data of B games.

    Attributes:
      inputs: [B, F], seen by the speaker.
      labels: each [B, ...]; empty where the data set has none.
    """

    inputs: tf.Tensor
    labels: dict[str, tf.Tensor]


class Candidates(NamedTuple):
    """The candidates that the listeners of B games choose from.

    Attributes:
      inputs: [N, F], every input that is a candidate of a game; None: candidates are classes.
      shown: [B, C], which of the N each game shows; None: every game shows all N, in order (C = N).
      target: [B], position of the right candidate among the C.
    """

    inputs: tf.Tensor | None
    shown: tf.Tensor | None
    target: tf.Tensor


class Speech(NamedTuple):
    """The symbols of a speaker, and the outputs of its head at each of them.

    Attributes:
      symbols: int32 [B, T].
      log_probs: [B, T], of the symbols.
      entropy: [B, T], in nats.
      policy_logits: [B, T, V].
      value: [B, T], where the head has it.
      q_values: [B, T, V], where the head has them.
      relaxed: [B, T, V], soft symbols, where gradients reach the speaker through them.
      lengths: int32 [B], symbols before the message ends; T where messages have no end.
    """

    symbols: tf.Tensor
    log_probs: tf.Tensor
    entropy: tf.Tensor
    policy_logits: tf.Tensor
    value: tf.Tensor | None
    q_values: tf.Tensor | None
    relaxed: tf.Tensor | None = None
    lengths: tf.Tensor | None = None


class Message(NamedTuple):
    """The message that arrives at the listener: symbols in [0, V], where V is UNK, "erased".

    Attributes:
      symbols: int32 [B, T].
      relaxed: [B, T, V + 1], soft symbols, which a listener reads instead of `symbols` where there are any.
    """

    symbols: tf.Tensor
    relaxed: tf.Tensor | None = None


class Hearing(NamedTuple):
    """The outputs of a listener's head for a message.

    Attributes:
      scores: [B, C], one for each candidate; a softmax over them is the policy.
      value: [B], where the head has it.
      q_values: [B, C], where the head has them.
    """

    scores: tf.Tensor
    value: tf.Tensor | None
    q_values: tf.Tensor | None


class Choice(NamedTuple):
    """The candidate that a listener chose.

    Attributes:
      candidates: int32 [B], positions among the C.
      log_probs: [B], of the choice.
      entropy: [B], in nats.
    """

    candidates: tf.Tensor
    log_probs: tf.Tensor
    entropy: tf.Tensor


class Outcome(NamedTuple):
    """How the games ended.

    Attributes:
      success: float [B], in [0, 1].
      reward: [B], of both agents; no gradient flows through it.
    """

    success: tf.Tensor
    reward: tf.Tensor


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
    """A loss for each game.

    Attributes:
      loss: [B], the sum that is differentiated.
      terms: each [B]: its parts, and other numbers for the logs.
    """

    loss: tf.Tensor
    terms: dict[str, tf.Tensor]
