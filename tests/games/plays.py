"""Tiny plays with given numbers, for losses and rewards."""

import tensorflow as tf

from tf_emcom.types import Candidates, Choice, Hearing, Outcome, Play, Speech


def speech(symbols, log_probs, entropy, policy_logits, value=None, q_values=None, relaxed=None):
    return Speech(*(x if x is None else tf.convert_to_tensor(x) for x in (
        symbols, log_probs, entropy, policy_logits, value, q_values, relaxed
    )))  # fmt: skip


def speaker_play(speech, target_logits, reward):
    """A play of which only the speaker's side is filled."""
    target = Speech(None, None, None, tf.convert_to_tensor(target_logits), None, None)
    return Play(None, speech, target, None, None, None, None, Outcome(None, tf.convert_to_tensor(reward)))


def listener_play(scores, target, value=None, q_values=None, choice=None, reward=None, success=None):
    """A play of which only the listener's side is filled; `choice` is (candidates, log_probs, entropy)."""
    hearing = Hearing(*(x if x is None else tf.convert_to_tensor(x) for x in (scores, value, q_values)))
    candidates = Candidates(None, None, tf.convert_to_tensor(target))
    choice = choice and Choice(*map(tf.convert_to_tensor, choice))
    outcome = Outcome(*(x if x is None else tf.convert_to_tensor(x) for x in (success, reward)))
    return Play(None, None, None, None, candidates, hearing, choice, outcome)
