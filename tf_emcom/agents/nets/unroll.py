"""Running a core over the symbols of a message.

Messages are short and their length is fixed, so the loops are unrolled while tracing: the compiler then fuses across
steps, which on TPUs halves the memory traffic of a scanned loop.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tf_emcom.agents.nets.recurrent import Core, State
from tf_emcom.ops import categorical

Embed = Callable[[tf.Tensor], tf.Tensor]  # [B] ids or [B, V + 1] soft symbols ↦ [B, E]
Policy = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]  # [B, H] outputs and [B] ids of the symbols before ↦ [B, V] logits
# [B, V] logits and the position t ↦ [B] ids, and [B, V] soft symbols or None
Choose = Callable[[tf.Tensor, int], tuple[tf.Tensor, tf.Tensor | None]]
# [B, V] logits and [B, ...] uniforms ↦ the same
Articulate = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor | None]]


class Utterance(NamedTuple):
    """What an unrolled speaker core did."""

    symbols: tf.Tensor  # [B, T] int32
    policy_logits: tf.Tensor  # [B, T, V]
    outputs: tf.Tensor  # [B, T, H] of the core
    relaxed: tf.Tensor | None  # [B, T, V] soft symbols, where it uttered any


def sample(
    core: Core,
    embed: Embed,
    policy: Policy,
    state: State,
    start_symbol: int,
    articulate: Articulate,
    uniforms: tf.Tensor,
) -> Utterance:
    """Each symbol is uttered by `articulate`; `uniforms` [B, T, ...] in (0, 1) decide."""
    symbols, length = _starts(state, start_symbol), uniforms.shape[1]
    return _unroll(core, embed, policy, state, symbols, length, lambda logits, t: articulate(logits, uniforms[:, t]))


def greedy(core: Core, embed: Embed, policy: Policy, state: State, start_symbol: int, length: int) -> Utterance:
    """Each symbol is the most probable one; nothing is random."""
    symbols = _starts(state, start_symbol)

    def best(logits: tf.Tensor, t: int) -> tuple[tf.Tensor, None]:
        return tf.argmax(logits, -1, output_type=tf.int32), None

    return _unroll(core, embed, policy, state, symbols, length, best)


def score(core: Core, embed: Embed, policy: Policy, state: State, start_symbol: int, symbols: tf.Tensor) -> Utterance:
    """The symbols [B, T] are given (teacher forcing)."""
    starts, length = _starts(state, start_symbol), symbols.shape[1]
    return _unroll(core, embed, policy, state, starts, length, lambda logits, t: (symbols[:, t], None))


def _starts(state: State, start_symbol: int) -> tf.Tensor:
    return tf.fill([tf.shape(state[0])[0]], start_symbol)


def _unroll(
    core: Core, embed: Embed, policy: Policy, state: State, previous: tf.Tensor, length: int, choose: Choose
) -> Utterance:
    symbols, logits, outputs, relaxed = [], [], [], []
    said = previous
    for t in range(length):
        output, state = core.step(embed(said), state)
        step_logits = policy(output, previous)
        previous, soft = choose(step_logits, t)
        said = previous if soft is None else categorical.with_extra_id(soft)
        symbols.append(previous)
        logits.append(step_logits)
        outputs.append(output)
        relaxed.append(soft)
    soft = None if soft is None else tf.stack(relaxed, 1)
    return Utterance(tf.stack(symbols, 1), tf.stack(logits, 1), tf.stack(outputs, 1), soft)
