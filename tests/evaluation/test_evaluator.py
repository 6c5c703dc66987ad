import functools

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tests import lewis, turn_takers
from tests.contracts.discovery import plug_ins
from tf_emcom.agents.grammar import AnySymbol
from tf_emcom.agents.heads.listener import ListenerHead
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.recurrent import LstmCore
from tf_emcom.agents.speaker import Speaker
from tf_emcom.data.pipeline import Order
from tf_emcom.errors import UserError
from tf_emcom.evaluation.evaluator import Condition, Evaluator
from tf_emcom.evaluation.metrics.success import design_effect
from tf_emcom.games.channels import Substitution
from tf_emcom.types import Candidates, Message, Speech

V, T = 4, 5
# Each input is its own message: 4⁵ messages, of which 1,000, so that blocks of groups are not full.
N = 1000
INPUTS = np.stack(np.unravel_index(np.arange(N), (V,) * T), axis=1).astype(np.float32)
CLEAR, HALF, GONE = Condition(), Condition(0.5), Condition(erased=tuple(range(T)))


class Namer:
    """Says its input, digit by digit."""

    vocab_size = V
    message_length = T
    grammar = AnySymbol()

    def __init__(self):
        self.seen = []

    def greedy(self, inputs):
        self.seen.append(inputs)
        return Speech(tf.cast(inputs, tf.int32), None, None, None, None, None)


class Matcher:
    """Counts the digits that a message and a candidate have in common; UNK matches nothing. It is its own head."""

    def __init__(self):
        self.heard, self.seen = [], []
        self.head = self

    def represent(self, message):
        self.heard.append(message.symbols)
        return tf.cast(message.symbols, tf.float32)

    def project_messages(self, representation):
        return representation

    def project_candidates(self, inputs):
        self.seen.append(inputs)
        return inputs

    def compare(self, messages, candidates):
        return tf.reduce_sum(tf.cast(messages[:, tf.newaxis] == candidates[tf.newaxis], tf.float32), axis=-1)


def evaluator(jit_compile=False, speaker=None, listener=None, inputs=INPUTS):
    return Evaluator(turn_takers.TurnTakers(speaker or Namer(), listener or Matcher()), inputs, jit_compile)


def counts(one, *arguments):
    """Successes [K, P] of the only pair, which is its own vote, and games [K]."""
    wins = one.successes(*arguments)
    np.testing.assert_array_equal(wins.votes, wins.pairs)
    return wins.pairs[0], wins.games


def eagerly(*arguments, inputs=INPUTS, speakers=1, listeners=1):
    """Plays in eager mode; what speakers and listeners saw and what was heard, call by call."""
    speaker, listener = Namer(), Matcher()
    tf.config.run_functions_eagerly(True)
    try:
        turns = turn_takers.TurnTakers(speaker, listener, (None,) * speakers, (None,) * listeners)
        Evaluator(turns, inputs, False).successes(*arguments, seed=0, split="test")
    finally:
        tf.config.run_functions_eagerly(False)
    return tuple([part.numpy() for part in parts] for parts in (speaker.seen, listener.seen, listener.heard))


def rows(candidates, number, inputs=INPUTS):
    """The inputs of the groups of one pass with seed 0, [groups, C]."""
    order = Order(len(inputs), candidates, 0, "test")
    groups = range(number * order.batches_per_epoch, (number + 1) * order.batches_per_epoch)
    return np.stack([order.indices(group) for group in groups])


@pytest.fixture(scope="module", params=[False, True], ids=["graph", "xla"])
def compiled(request):
    return evaluator(request.param)


@pytest.mark.slow
@pytest.mark.parametrize("candidates", [8, 24, 256, 300, 700, 1000])
def test_perfect_agents_always_succeed_without_noise(compiled, candidates):
    successes, games = counts(compiled, [candidates], [CLEAR, HALF, GONE], 2, 0, "test")
    assert games.tolist() == [2 * (N // candidates) * candidates]
    assert successes[0, 0] == games[0]


@pytest.mark.parametrize("candidates", [8, 24, 700])
def test_success_is_by_chance_where_everything_is_erased(compiled, candidates):
    successes, games = counts(compiled, [candidates], [CLEAR, HALF, GONE], 2, 0, "test")
    # All candidates look alike and the first is taken: one game a group.
    assert successes[0, 2] == games[0] // candidates
    assert successes[0, 2] < successes[0, 1] < successes[0, 0]


@pytest.mark.parametrize("candidates", [8, 24, 300, 700])
@pytest.mark.parametrize("positions", [(1,), (0, 4), (0, 1, 2, 3)], ids=str)
def test_counts_are_those_of_a_plain_loop(compiled, candidates, positions):
    said = INPUTS.copy()
    said[:, positions] = V
    wins = 0
    for group in np.concatenate([rows(candidates, number) for number in range(2)]):
        scores = (said[group][:, np.newaxis] == INPUTS[group][np.newaxis]).sum(axis=-1)
        wins += (scores.argmax(axis=1) == np.arange(candidates)).sum()
    condition = Condition(erased=positions)
    assert counts(compiled, [candidates], [condition], 2, 0, "test")[0].tolist() == [[wins]]


@pytest.mark.slow
def test_counts_are_those_of_the_listeners_scores():
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(48, 6)).astype(np.float32)
    core = functools.partial(LstmCore, 8)
    speaker, listener = Speaker(V, T, core_cls=core), Listener(V, core_cls=core)
    speaker.build((None, 6))
    listener.build((16, 6))
    expected = np.zeros((2, T), np.int64)
    for row, candidates in enumerate((4, 16)):
        for group in rows(candidates, 0, inputs):
            seen, target = tf.constant(inputs[group]), np.arange(candidates)
            for erased in range(T):
                symbols = speaker.greedy(seen).symbols.numpy()
                symbols[:, erased] = V
                scores = listener.scores(Message(tf.constant(symbols)), Candidates(seen, None, tf.constant(target)))
                expected[row, erased] += (scores.numpy().argmax(axis=1) == target).sum()
    conditions = [Condition(erased=(t,)) for t in range(T)]
    ours = evaluator(speaker=speaker, listener=listener, inputs=inputs)
    np.testing.assert_array_equal(counts(ours, [4, 16], conditions, 1, 0, "test")[0], expected)
    assert len(np.unique(expected)) > 4


@pytest.mark.parametrize("name", sorted(name for name, cls in plug_ins().items() if issubclass(cls, ListenerHead)))
def test_every_head_scores_by_comparing_projections(name):
    # The evaluator projects once and compares in every group.
    assert plug_ins()[name].scores is ListenerHead.scores


@pytest.mark.parametrize("name", sorted(name for name, cls in plug_ins().items() if issubclass(cls, ListenerHead)))
def test_no_head_compares_with_weights_of_its_own(name):
    # Listeners take turns in one model, and their projections are compared when it is another's turn.
    head = plug_ins()[name]()
    head.build((None, 5), (16, 7))
    messages, candidates = head.message_projection(tf.ones([3, 5])), head.candidate_projection(tf.ones([4, 7]))
    with tf.GradientTape() as tape:
        head.compare(messages, candidates)
    assert not tape.watched_variables()


@pytest.mark.slow
def test_numbers_of_candidates_do_not_change_each_other():
    conditions = [Condition(0.25), HALF, Condition(0.5, 0.3)]
    together = counts(evaluator(), [32, 4, 16], conditions, 1, 3, "test")[0]
    for candidates, expected in zip((32, 4, 16), together, strict=True):
        np.testing.assert_array_equal(counts(evaluator(), [candidates], conditions, 1, 3, "test")[0][0], expected)


def test_numbers_of_conditions_and_passes_may_change_between_calls():
    one = evaluator()
    for conditions, passes in (([CLEAR], 1), ([CLEAR, GONE], 3), ([HALF, CLEAR, CLEAR], 2)):
        successes, games = counts(one, [16], conditions, passes, 0, "test")
        assert games.tolist() == [passes * 992]
        assert [s == games[0] for s in successes[0]] == [condition == CLEAR for condition in conditions]


@pytest.mark.slow
def test_it_compiles_once_a_number_of_candidates():
    one = evaluator()
    every = [Condition(p, noise, views) for p in (0.0, 0.3) for noise in (0.0, 0.5) for views in (1, 2)]
    one.successes([16, 300], every, 2, seed=0, split="test")
    before = one.player.traces
    others = [Condition(p, noise, erased=(1,)) for p in (0.1, 0.9) for noise in (0.0, 0.1, 2.0)]
    one.successes([300, 16], [*others, GONE, CLEAR], 3, seed=1, split="test")
    assert one.player.traces == before
    one.successes([17], every, 1, seed=0, split="test")
    # Speaking and seeing with noise, hearing and playing; looking without noise has no groups.
    assert one.player.traces == before + 4


def test_same_seed_gives_the_same_counts_and_another_seed_others(compiled):
    conditions = [HALF, Condition(0.25), Condition(0.0, 0.5)]
    first, same, other = (counts(compiled, [16], conditions, 2, seed, "test")[0].tolist() for seed in (0, 0, 1))
    assert first == same != other


@pytest.mark.slow
def test_counts_under_xla_are_those_of_the_graph():
    conditions = [CLEAR, HALF, Condition(0.3)]
    ours, theirs = (counts(evaluator(jit), [16, 300], conditions, 2, 5, "test")[0] for jit in (True, False))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_masks_are_fresh_for_every_number_of_candidates_pass_condition_and_group():
    _, _, heard = eagerly([20, 10], [HALF, HALF], 3, inputs=INPUTS[:60])
    masks = np.array(heard) == V
    assert masks.shape == (2 * 3 * 2, 60, T)
    # 120 bits a group of the first number of candidates, 50 of the second.
    groups = [*masks[:6].reshape(-1, 100), *masks[6:].reshape(-1, 100)]
    assert len(np.unique(groups, axis=0)) == len(groups) == 36
    assert len(np.unique(masks.reshape(-1, 50), axis=0)) == 72
    # Within a group, every game has its own.
    assert all(len(np.unique(group.reshape(-1, T), axis=0)) > 4 for group in groups)
    assert abs(masks.mean() - 0.5) < 5 * 0.5 / masks.size**0.5


def test_every_block_of_groups_has_its_own_masks():
    _, _, heard = eagerly([16], [HALF], 1)
    masks = np.array(heard) == V
    assert masks.shape == (4, 256, T)
    assert len(np.unique(masks.reshape(4, -1), axis=0)) == 4


def test_symbols_are_erased_by_the_noise_and_at_the_positions_of_a_condition():
    _, _, heard = eagerly([10], [Condition(0.3, erased=(1,))], 5)
    masks = np.concatenate(heard) == V
    assert masks[:, 1].all()
    others = np.delete(masks, 1, axis=1)
    assert (abs(others.mean(axis=0) - 0.3) <= 5 * (0.3 * 0.7 / len(masks)) ** 0.5).all()
    correlations = np.corrcoef(others.T.astype(float))[~np.eye(T - 1, dtype=bool)]
    assert np.abs(correlations).max() < 5 / len(masks) ** 0.5


def test_what_is_fixed_is_said_and_heard_once():
    speaker_saw, listener_saw, heard = eagerly([16, 300], [CLEAR, GONE], 3)
    np.testing.assert_array_equal(np.concatenate(speaker_saw)[:N], INPUTS)
    np.testing.assert_array_equal(np.concatenate(listener_saw)[:N], INPUTS)
    np.testing.assert_array_equal(np.concatenate(heard[:4])[:N], INPUTS)
    assert len(heard) == 8 and (np.array(heard[4:]) == V).all()


def test_every_input_is_asked_about_once_a_pass():
    _, _, heard = eagerly([20], [Condition(1e-9)], 2, inputs=INPUTS[:200])
    passes = np.array(heard).reshape(2, 200, T)
    for number, asked in enumerate(passes):
        np.testing.assert_array_equal(asked, INPUTS[rows(20, number, INPUTS[:200]).ravel()])
        assert len(np.unique(asked, axis=0)) == 200
    assert (passes[0] != passes[1]).any()


def test_agents_see_each_input_with_noise_of_their_own_of_the_groups_spread():
    generator = np.random.default_rng(0)
    inputs = (generator.normal(size=(120, 7)) * np.arange(1, 8)).astype(np.float32)
    speaker_saw, listener_saw, _ = eagerly([10], [Condition(0.5, 0.5)], 3, inputs=inputs)
    # The first look is without noise.
    np.testing.assert_array_equal(speaker_saw[0], inputs)
    np.testing.assert_array_equal(listener_saw[0], inputs)
    clean = np.stack([inputs[rows(10, number, inputs)] for number in range(3)])
    spread = clean.std(axis=2, keepdims=True)
    noises = [(np.reshape(saw[1:], clean.shape) - clean) / (0.5 * spread) for saw in (speaker_saw, listener_saw)]
    for noise in noises:
        assert scipy.stats.kstest(noise.ravel(), "norm").pvalue > 1e-3
        # No two passes, groups or games share it.
        assert len(np.unique(noise.reshape(-1, 7).round(3), axis=0)) == 360
    assert abs(np.corrcoef(noises[0].ravel(), noises[1].ravel())[0, 1]) < 5 / noises[0].size ** 0.5


def test_agents_look_once_for_each_input_noise():
    conditions = [Condition(p, noise) for noise in (0.0, 0.1, 0.2) for p in (0.25, 0.5, 0.75)]
    speaker_saw, _, heard = eagerly([10], conditions, 2, inputs=INPUTS[:100])
    assert len(speaker_saw) == 1 + 2 * 2
    assert len(heard) == 2 * 9


def test_noise_on_inputs_costs_successes():
    conditions = [Condition(0.0, noise) for noise in (0.0, 0.5, 2.0)]
    speaker = Namer()
    speaker.greedy = lambda inputs: Speech(tf.cast(tf.round(inputs), tf.int32), None, None, None, None, None)
    listener = Matcher()
    listener.project_candidates = tf.round
    successes, games = counts(evaluator(speaker=speaker, listener=listener), [16], conditions, 1, 0, "test")
    assert games[0] == successes[0, 0] > successes[0, 1] > 1.5 * successes[0, 2]


def test_incomplete_groups_are_dropped():
    successes, games = counts(evaluator(inputs=INPUTS[:50]), [16], [CLEAR], 1, 0, "test")
    assert (successes.tolist(), games.tolist()) == ([[48]], [48])


def test_more_candidates_than_inputs_are_refused():
    with pytest.raises(UserError, match="test split has 1000 examples"):
        evaluator().successes([1001], [CLEAR], 1, 0, "test")


SIX = [
    Condition(noise, input_noise, erased=erased)
    for input_noise in (0.0, 0.7)
    for noise, erased in ((0.0, ()), (0.0, (1,)), (0.5, ()))
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rules", "jit_compile", "expected"),
    [
        (lewis.lg_s, False, [[169, 159, 162, 141, 133, 147], [2, 3, 1, 5, 5, 3]]),
        (lewis.nlg, True, [[166, 153, 156, 142, 138, 149], [2, 2, 3, 2, 3, 2]]),
    ],
    ids=["lg_s-graph", "nlg-xla"],
)
def test_counts_of_one_pair_are_those_from_before_there_were_populations(rules, jit_compile, expected):
    learner = lewis.make_learner(rules, 16, seed=3)
    one = evaluator(jit_compile, learner.speaker, learner.listener, lewis.inputs(300, seed=1))
    successes, games = counts(one, [4, 290], SIX, 2, 9, "test")
    assert (successes.tolist(), games.tolist()) == (expected, [600, 580])


@pytest.mark.slow
def test_every_pair_of_a_population_wins_as_often_as_by_itself():
    turns, inputs = turn_takers.population(2, 3, lewis.nlg), lewis.inputs(100)
    together = Evaluator(turns, inputs, False)
    found = together.successes([8], SIX, 2, 4, "test")
    assert together.pairs == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    for (speaker, listener), wins in zip(together.pairs, found.pairs, strict=True):
        alone = Evaluator(turns.only(speaker, listener), inputs, False).successes([8], SIX, 2, 4, "test")
        np.testing.assert_array_equal(wins, alone.pairs[0])
        np.testing.assert_array_equal(found.games, alone.games)
    # They are different agents.
    assert len(np.unique(found.pairs, axis=0)) == 6


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
@pytest.mark.parametrize("candidates", [8, 300, 700], ids=str)
def test_votes_are_those_of_a_plain_loop(candidates, jit_compile):
    turns, inputs = turn_takers.population(2, 3, lewis.nlg), 3 * lewis.inputs(720)
    wins = np.zeros((2, 4), np.int64)
    for group in rows(candidates, 0, inputs):
        seen, target = tf.constant(inputs[group]), np.arange(candidates)
        shown = Candidates(seen, None, tf.constant(target))
        for i in range(2):
            symbols = turns.speaker_as(i).greedy(seen).symbols.numpy()
            symbols[:, 1] = turns.models[0].vocab_size
            message = Message(tf.constant(symbols))
            scores = [turns.listener_as(j).scores(message, shown).numpy().astype(np.float64) for j in range(3)]
            shares = [np.exp(each - each.max(axis=1, keepdims=True)) for each in scores]
            mean = np.mean([each / each.sum(axis=1, keepdims=True) for each in shares], axis=0)
            wins[i] += [(each.argmax(axis=1) == target).sum() for each in (*scores, mean)]
    condition = Condition(erased=(1,))
    found = Evaluator(turns, inputs, jit_compile).successes([candidates], [condition], 1, 0, "test")
    np.testing.assert_array_equal(found.pairs[:, 0, 0].reshape(2, 3), wins[:, :3])
    np.testing.assert_array_equal(found.votes[:, 0, 0], wins[:, 3])
    assert (wins[:, 3] != wins[:, :3].T).any()


@pytest.mark.slow
def test_independent_pairs_do_not_mix():
    turns, inputs = turn_takers.population(3, 3, independent=True), lewis.inputs(100)
    together = Evaluator(turns, inputs, False)
    found = together.successes([8], SIX, 1, 4, "test")
    assert together.pairs == [(0, 0), (1, 1), (2, 2)]
    np.testing.assert_array_equal(found.votes, found.pairs)
    for i in range(3):
        alone = Evaluator(turns.only(i, i), inputs, False).successes([8], SIX, 1, 4, "test")
        np.testing.assert_array_equal(found.pairs[i], alone.pairs[0])


@pytest.mark.slow
def test_it_compiles_once_for_all_agents_of_a_population():
    traces = []
    for size in (1, 3):
        one = Evaluator(turn_takers.population(size, size), lewis.inputs(50), False)
        one.successes([8], SIX, 2, 0, "test")
        traces.append(one.player.traces)
        one.successes([8], SIX[::-1], 1, 1, "test")
        assert one.player.traces == traces[-1]
    assert traces[0] == traces[1]


@pytest.mark.slow
def test_each_agent_looks_once_and_each_listener_hears_each_speaker_once_a_mask():
    conditions = [Condition(p, noise) for noise in (0.0, 0.1) for p in (0.25, 0.5)]
    everything = [CLEAR, *conditions]
    speakers_saw, listeners_saw, heard = eagerly([10], everything, 2, inputs=INPUTS[:100], speakers=2, listeners=3)
    # Without noise, and in each of two passes with it.
    assert (len(speakers_saw), len(listeners_saw)) == (2 * 3, 3 * 3)
    assert len(heard) == 2 * 3 * (1 + 2 * len(conditions))


def test_all_pairs_play_the_same_games():
    conditions = [HALF, Condition(0.5, 0.5)]
    speakers_saw, listeners_saw, heard = eagerly([10], conditions, 1, inputs=INPUTS[:100], speakers=2, listeners=3)
    for seen, agents in ((speakers_saw, 2), (listeners_saw, 3)):
        looks = np.array(seen).reshape(2, agents, -1)
        np.testing.assert_array_equal(looks, looks[:, :1].repeat(agents, axis=1))
    heard = np.array(heard).reshape(2, 6, 100, T)
    np.testing.assert_array_equal(heard, heard[:, :1].repeat(6, axis=1))
    assert (heard == V).any() and (heard != V).any()


def test_messages_go_through_the_channel_that_is_tested():
    speaker, listener = Namer(), Matcher()
    tf.config.run_functions_eagerly(True)
    try:
        one = Evaluator(turn_takers.TurnTakers(speaker, listener), INPUTS, False, Substitution(0.9))
        one.successes([20], [Condition(0.4)], 3, seed=0, split="test")
    finally:
        tf.config.run_functions_eagerly(False)
    heard = np.concatenate([part.numpy() for part in listener.heard]).reshape(3, -1, T)[:, :N]
    said = np.stack([INPUTS[rows(20, number).ravel()] for number in range(3)])
    assert heard.max() < V
    # A symbol is replaced by another one in 3 of 4 draws.
    assert abs((heard != said).mean() - 0.4 * 3 / 4) < 5 * (0.3 * 0.7 / said.size) ** 0.5


def test_with_one_view_both_agents_see_the_same_noise():
    inputs = np.random.default_rng(0).normal(size=(40, 7)).astype(np.float32)
    for views in (1, 2):
        speaker_saw, listener_saw, _ = eagerly([10], [Condition(0.0, 0.5, views)], 2, inputs=inputs)
        alike = [np.array_equal(ours, theirs) for ours, theirs in zip(speaker_saw, listener_saw, strict=True)]
        # The first look is without noise.
        assert alike == [True] + [views == 1] * 2
        assert not any(np.array_equal(saw, speaker_saw[0]) for saw in speaker_saw[1:])


def test_design_effects_are_those_of_the_games_of_each_input():
    inputs, positions = INPUTS[:60], range(T)
    conditions = [*(Condition(erased=(t,)) for t in positions), Condition(0.4)]
    found = evaluator(inputs=inputs).successes([8], conditions, 3, 4, "test", [[*positions], [T]])
    played, won = np.zeros(60), np.zeros(60)
    order = Order(60, 8, 4, "test")
    for group in map(order.indices, range(3 * 7)):
        played[group] += T
        for t in positions:
            said = inputs[group].copy()
            said[:, t] = V
            scores = (said[:, np.newaxis] == inputs[group][np.newaxis]).sum(axis=-1)
            won[group] += scores.argmax(axis=1) == np.arange(8)
    assert found.pairs[0, 0, :T].sum() == won.sum()
    assert (found.games[0], found.inputs[0]) == (played.sum() / T, np.count_nonzero(played))
    expected = design_effect(won, played)
    effects = found.effects[0, 0, 0, 0], found.effects[0, 1, 0, 0], *found.mean_effects[:, 0, 0]
    np.testing.assert_allclose(effects, expected, rtol=1e-9)
    assert expected > 1.5 and found.effects[0, 0, 0, 1] != expected


@pytest.mark.parametrize("where", ["inputs", "speaker", "listener"])
def test_numbers_that_are_not_finite_are_no_measurement(where):
    inputs = lewis.inputs(80)
    if where == "inputs":
        inputs[33, 2] = np.inf
    turns = turn_takers.population(2, 2, lewis.lg_s)
    if where != "inputs":
        weights = turns.weights[where == "listener"][1]
        turns.weights[where == "listener"][1] = [np.full_like(value, np.nan) for value in weights]
    who = {"inputs": "speaker 0", "speaker": "speaker 1", "listener": "listener 1 about messages of speaker 0"}
    with pytest.raises(UserError, match=f"scores of {who[where]} at noise 0, input noise 0 are not finite") as error:
        Evaluator(turns, inputs, False).successes([8], [Condition()], 1, 0, "test")
    assert where != "inputs" or "for the input in row 33 of the split" in str(error.value)
