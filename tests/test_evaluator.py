import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.evaluator import Evaluator
from tf_emcom.types import Speech

V, T, N = 4, 3, 64
# Each input is its own message: 64 inputs, 4³ messages.
INPUTS = np.stack(np.unravel_index(np.arange(N), (V,) * T), axis=1).astype(np.float32)


class Namer:
    """Says its input, digit by digit."""

    vocab_size = V

    def greedy(self, inputs):
        return Speech(tf.cast(inputs, tf.int32), None, None, None, None, None)


class Matcher:
    """Counts the digits that a message and a candidate have in common; UNK matches nothing."""

    def __init__(self):
        self.heard = []

    def scores(self, message, candidates):
        self.heard.append(message.symbols)
        same = message.symbols[:, tf.newaxis] == tf.cast(candidates.inputs, tf.int32)[tf.newaxis]
        return tf.reduce_sum(tf.cast(same, tf.float32), axis=-1)


def evaluator(jit_compile=False, listener=None, inputs=INPUTS):
    return Evaluator(Namer(), listener or Matcher(), inputs, jit_compile)


@pytest.fixture(scope="module", params=[False, True], ids=["graph", "xla"])
def compiled(request):
    return evaluator(request.param)


@pytest.mark.parametrize("candidates", [8, 16, 24])
def test_perfect_agents_always_succeed_without_noise(compiled, candidates):
    successes, games = compiled.successes(candidates, [0.0, 0.5, 1.0], passes=2, seed=0, split="test")
    assert games == 2 * (N // candidates) * candidates
    assert successes[0] == games


@pytest.mark.parametrize("candidates", [8, 16, 24])
def test_success_is_by_chance_where_everything_is_erased(compiled, candidates):
    successes, games = compiled.successes(candidates, [0.0, 0.5, 1.0], passes=2, seed=0, split="test")
    # All candidates look alike and the first is taken: one game a group.
    assert successes[2] == games // candidates
    assert successes[2] < successes[1] < successes[0]


def test_candidates_may_change_between_calls_in_any_order():
    one = evaluator()
    apart = {c: evaluator().successes(c, [0.25, 0.5], 1, seed=3, split="test")[0] for c in (32, 4, 16)}
    for candidates, expected in apart.items():
        np.testing.assert_array_equal(one.successes(candidates, [0.25, 0.5], 1, seed=3, split="test")[0], expected)


def test_numbers_of_noises_and_passes_may_change_between_calls():
    one = evaluator()
    for noises, passes in (([0.0], 1), ([0.0, 1.0], 3), ([1.0, 0.0, 0.0], 2)):
        successes, games = one.successes(16, noises, passes, seed=0, split="test")
        assert games == passes * N
        assert [s == games for s in successes] == [noise == 0 for noise in noises]


def test_same_seed_gives_the_same_counts_and_another_seed_others(compiled):
    counts = [compiled.successes(16, [0.0, 0.5, 0.25], 2, seed, "test")[0].tolist() for seed in (0, 0, 1, 2)]
    assert counts[0] == counts[1]
    assert counts[0] != counts[2] or counts[0] != counts[3]


def test_counts_under_xla_are_those_of_the_graph():
    ours, theirs = (evaluator(jit).successes(16, [0.0, 0.3, 0.6], 2, 5, "test")[0] for jit in (True, False))
    np.testing.assert_array_equal(ours, theirs)


def test_masks_are_fresh_for_every_pass_group_and_noise():
    listener = Matcher()
    tf.config.run_functions_eagerly(True)
    try:
        # Two noises, four groups and three passes.
        evaluator(listener=listener).successes(16, [0.5, 0.5], passes=3, seed=0, split="test")
    finally:
        tf.config.run_functions_eagerly(False)
    masks = np.array([symbols.numpy() == V for symbols in listener.heard])
    assert len(masks) == 24
    assert len(np.unique(masks.reshape(24, -1), axis=0)) == 24
    # Within a group, every game has its own.
    assert all(len(np.unique(mask, axis=0)) > 1 for mask in masks)
    assert abs(masks.mean() - 0.5) < 5 * 0.5 / masks.size**0.5


def test_every_input_is_asked_about_once_a_pass():
    listener = Matcher()
    tf.config.run_functions_eagerly(True)
    try:
        evaluator(listener=listener).successes(16, [0.0], passes=2, seed=0, split="test")
    finally:
        tf.config.run_functions_eagerly(False)
    passes = np.array([symbols.numpy() for symbols in listener.heard]).reshape(2, N, T)
    for asked in passes:
        assert len(np.unique(asked, axis=0)) == N
    assert (passes[0] != passes[1]).any()


def test_incomplete_groups_are_dropped():
    successes, games = evaluator(inputs=INPUTS[:50]).successes(16, [0.0], 1, 0, "test")
    assert (successes[0], games) == (48, 48)


def test_more_candidates_than_inputs_are_refused():
    with pytest.raises(UserError, match="test split has 64 examples"):
        evaluator().successes(65, [0.0], 1, 0, "test")
