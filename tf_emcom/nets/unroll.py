"""Running a core over the symbols of a message.

Messages are short and their length is fixed, so the loops are unrolled while tracing: the compiler then fuses across
steps, which on TPUs halves the memory traffic of a scanned loop.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tf_emcom.nets.core import Core, State
from tf_emcom.ops import categorical

Embed = Callable[[tf.Tensor], tf.Tensor]  # [B] ids ↦ [B, E]
Policy = Callable[[tf.Tensor], tf.Tensor]  # [B, H] outputs ↦ [B, V] logits


class Utterance(NamedTuple):
    """What an unrolled speaker core did."""

    symbols: tf.Tensor  # [B, T] int32
    policy_logits: tf.Tensor  # [B, T, V]
    outputs: tf.Tensor  # [B, T, H] of the core


def sample(core: Core, embed: Embed, policy: Policy, state: State, start_symbol: int, uniforms: tf.Tensor) -> Utterance:
    """Each symbol is drawn from the policy; `uniforms` [B, T] in (0, 1) decide."""
    symbols, length = _starts(state, start_symbol), uniforms.shape[1]
    return _unroll(
        core, embed, policy, state, symbols, length, lambda logits, t: categorical.draw(logits, uniforms[:, t])
    )


def greedy(core: Core, embed: Embed, policy: Policy, state: State, start_symbol: int, length: int) -> Utterance:
    """Each symbol is the most probable one; nothing is random."""
    symbols = _starts(state, start_symbol)
    return _unroll(
        core, embed, policy, state, symbols, length, lambda logits, t: tf.argmax(logits, -1, output_type=tf.int32)
    )


def score(core: Core, embed: Embed, policy: Policy, state: State, start_symbol: int, symbols: tf.Tensor) -> Utterance:
    """The symbols [B, T] are given (teacher forcing)."""
    starts, length = _starts(state, start_symbol), symbols.shape[1]
    return _unroll(core, embed, policy, state, starts, length, lambda logits, t: symbols[:, t])


def read(core: Core, embedded: tf.Tensor) -> tf.Tensor:
    """The core's last output [B, H] after reading an embedded message [B, T, E] from the state of zeros."""
    state = core.start(embedded)
    for t in range(embedded.shape[1]):
        output, state = core.step(embedded[:, t], state)
    return output


def _starts(state: State, start_symbol: int) -> tf.Tensor:
    return tf.fill([tf.shape(state[0])[0]], start_symbol)


def _unroll(
    core: Core,
    embed: Embed,
    policy: Policy,
    state: State,
    previous: tf.Tensor,
    length: int,
    choose: Callable[[tf.Tensor, int], tf.Tensor],
) -> Utterance:
    symbols, logits, outputs = [], [], []
    for t in range(length):
        output, state = core.step(embed(previous), state)
        step_logits = policy(output)
        previous = choose(step_logits, t)
        symbols.append(previous)
        logits.append(step_logits)
        outputs.append(output)
    return Utterance(tf.stack(symbols, 1), tf.stack(logits, 1), tf.stack(outputs, 1))
