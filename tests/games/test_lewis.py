"""Whole games, from the input to the pay: soft symbols, messages that end, labels that are named."""

import functools

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tf_emcom.agents.grammar import EndSymbol
from tf_emcom.agents.heads.listener import Cpc
from tf_emcom.agents.heads.prediction import MultiMlp
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.recurrent import LstmCore
from tf_emcom.agents.sampling import GumbelSoftmax, StraightThrough
from tf_emcom.agents.speaker import Speaker
from tf_emcom.errors import UserError
from tf_emcom.games.channels import Clear, Erasure, FixedErasure, Substitution
from tf_emcom.games.lewis import Game
from tf_emcom.games.losses import ListenerClassification, ListenerContrastive, SpeakerReinforce, SpeakerThroughListener
from tf_emcom.games.policies import Greedy
from tf_emcom.games.rewards import LengthCost, LogProbability, Success
from tf_emcom.games.tasks import Discrimination, Naming
from tf_emcom.seeds import step_stream
from tf_emcom.types import Batch

B, F, V, T, L, K = 8, 6, 5, 6, 2, 7
GENERATOR = np.random.default_rng(0)
INPUTS = tf.constant(GENERATOR.normal(size=(B, F)).astype(np.float32))
LABELS = GENERATOR.integers(0, K, (B, L)).astype(np.int32)
STEP = tf.constant(2)
COMPARING = functools.partial(Cpc, 6)


def game(channel=None, reward=None, speaker_loss=None):
    loss = speaker_loss or SpeakerReinforce()
    return Game(channel or Clear(), Discrimination(), Greedy(), reward or Success(), loss, ListenerContrastive())


def naming(reward):
    return Game(Clear(), Naming(K), Greedy(), reward, SpeakerReinforce(), ListenerClassification())


def agents(head_cls=COMPARING, **settings):
    """A speaker of strong opinions, another one as its target, and a listener."""
    core = functools.partial(LstmCore, 8)
    speakers = [Speaker(V, T, core_cls=core, embedding_size=3, **settings) for _ in range(2)]
    listener = Listener(V, core_cls=core, embedding_size=3, head_cls=head_cls)
    listener.build((B, F))
    generator = np.random.default_rng(1)
    for speaker in speakers:
        speaker.build((None, F))
    for weight in [w for agent in (*speakers, listener) for w in agent.weights]:
        weight.assign(generator.normal(0, 0.7, weight.shape))
    return *speakers, listener


def play(rules, team):
    stream = step_stream(0, STEP, tf.constant(0), B, B)
    return rules.play(*team, Batch(INPUTS, {"label": tf.constant(LABELS)}), INPUTS, STEP, stream)


def test_drawn_messages_have_no_soft_symbols():
    played = play(game(Erasure(0.5)), agents())
    assert (played.speech.relaxed, played.message.relaxed) == (None, None)
    assert played.speech.lengths.numpy().tolist() == [T] * B


@pytest.mark.parametrize("channel", [Clear(), Erasure(0.5), FixedErasure([1]), Substitution(0.7)])
def test_soft_symbols_pass_every_channel_where_the_hard_ones_arrive_as_sent(channel):
    played = play(game(channel), agents(sampler=GumbelSoftmax()))
    sent, received = played.speech.symbols.numpy(), played.message.symbols.numpy()
    expected = np.pad(played.speech.relaxed, [(0, 0), (0, 0), (0, 1)])
    expected[sent != received] = np.eye(V + 1)[received[sent != received]]
    np.testing.assert_array_equal(played.message.relaxed, expected)
    assert (sent != received).any() != isinstance(channel, Clear)


def test_hard_symbols_are_the_soft_ones_largest_entries_and_those_of_the_policy():
    speech = play(game(), agents(sampler=GumbelSoftmax(3.0))).speech
    np.testing.assert_array_equal(speech.symbols, np.argmax(speech.relaxed, -1))
    np.testing.assert_allclose(tf.reduce_sum(speech.relaxed, -1), np.ones((B, T)), atol=1e-5)
    log_policy = scipy.special.log_softmax(speech.policy_logits, -1)
    expected = np.take_along_axis(log_policy, speech.symbols.numpy()[..., None], -1)[..., 0]
    np.testing.assert_allclose(speech.log_probs, expected, atol=1e-5)


def test_gumbel_speaker_hears_its_own_soft_symbols():
    speaker = agents(sampler=GumbelSoftmax(3.0))[0]
    speech = speaker.sample(INPUTS, STEP, step_stream(0, STEP, tf.constant(0), B, B))
    state = speaker.core.split_state(speaker.to_state(speaker.torso(INPUTS)))
    _, state = speaker.core.step(speaker.embedding(tf.fill([B], V)), state)
    embedded = speech.relaxed.numpy()[:, 0] @ speaker.embedding.embeddings.numpy()[:V]
    expected = speaker.head.policy_logits(speaker.core.step(tf.constant(embedded), state)[0])
    np.testing.assert_allclose(speech.policy_logits[:, 1], expected, atol=1e-5)


def test_straight_through_speaker_says_and_thinks_what_teacher_forcing_does():
    speaker = agents(sampler=StraightThrough(3.0))[0]
    speech = speaker.sample(INPUTS, STEP, step_stream(0, STEP, tf.constant(0), B, B))
    np.testing.assert_array_equal(speech.relaxed, np.eye(V)[speech.symbols])
    scored = speaker.score(INPUTS, speech.symbols)
    np.testing.assert_allclose(scored.policy_logits, speech.policy_logits, atol=1e-5)
    assert scored.relaxed is None


@pytest.mark.parametrize("sampler", [GumbelSoftmax(), StraightThrough()])
def test_listeners_loss_teaches_the_speaker_at_symbols_that_arrived_only(sampler):
    team, rules = agents(sampler=sampler), game(Erasure(0.5), speaker_loss=SpeakerThroughListener())
    weights = team[0].to_state.kernel.value
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(weights)
        played = play(rules, team)
        loss = tf.reduce_sum(rules.listener_loss(played, STEP).loss)
    reached = tape.gradient(loss, played.speech.relaxed).numpy()
    arrived = played.speech.symbols.numpy() == played.message.symbols.numpy()
    at_message = tape.gradient(loss, played.message.relaxed).numpy()[..., :V]
    assert 0 < arrived.sum() < arrived.size
    assert at_message.any(axis=-1).all()
    # A lost symbol still teaches through those that its speaker said after it; the last one has none.
    last = reached[:, -1]
    np.testing.assert_allclose(last, at_message[:, -1] * arrived[:, -1:], atol=1e-7)
    assert last.any(axis=-1).tolist() == arrived[:, -1].tolist()
    assert np.abs(tape.gradient(loss, weights)).max() > 1e-4


def test_nothing_of_the_listeners_loss_reaches_a_speaker_none_of_whose_symbols_arrive():
    team = agents(sampler=GumbelSoftmax())
    rules = game(Erasure(1.0))
    weights = [v.value for v in team[0].trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        loss = rules.listener_loss(play(rules, team), STEP).loss
    gradients = tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    assert not any(np.any(gradient) for gradient in gradients)


def test_speaker_that_is_taught_through_the_listener_needs_soft_symbols():
    rules = game(speaker_loss=SpeakerThroughListener())
    with pytest.raises(UserError, match="soft symbols.*GumbelSoftmax"):
        rules.speaker_loss(play(rules, agents()), STEP)


def after_the_end(symbols, end):
    ends = np.cumsum(symbols == end, axis=1)
    return np.pad(ends[:, :-1], [(0, 0), (1, 0)]) > 0


@pytest.mark.parametrize("end", [None, 1])
@pytest.mark.parametrize("sampler", [None, GumbelSoftmax()], ids=["drawn", "gumbel"])
def test_messages_end_at_the_end_symbol_in_all_three_ways_of_speaking(end, sampler):
    settings = {} if sampler is None else {"sampler": sampler}
    speaker, target, _ = agents(grammar=EndSymbol(end), **settings)
    symbol = V - 1 if end is None else end
    sampled = speaker.sample(INPUTS, STEP, step_stream(0, STEP, tf.constant(0), B, B))
    for speech in (sampled, speaker.greedy(INPUTS), target.score(INPUTS, sampled.symbols)):
        symbols = speech.symbols.numpy()
        silent = after_the_end(symbols, symbol)
        assert (symbols[silent] == symbol).all()
        np.testing.assert_array_equal(speech.log_probs.numpy()[silent], 0.0)
        np.testing.assert_array_equal(speech.entropy.numpy()[silent], 0.0)
        assert (speech.entropy.numpy()[~silent] > 0).all()
        expected = [list(row).index(symbol) if symbol in row else T for row in symbols]
        assert speech.lengths.numpy().tolist() == expected
    silent = after_the_end(sampled.symbols.numpy(), symbol)
    assert 0 < silent.sum() < silent.size
    kl = np.sum(
        scipy.special.softmax(sampled.policy_logits, -1)
        * (
            scipy.special.log_softmax(sampled.policy_logits, -1)
            - scipy.special.log_softmax(target.score(INPUTS, sampled.symbols).policy_logits, -1)
        ),
        axis=-1,
    )
    np.testing.assert_array_equal(kl[silent], 0.0)
    assert (kl[~silent] > 0).all()


def test_silence_cannot_be_erased():
    played = play(game(Erasure(1.0)), agents(grammar=EndSymbol(), sampler=GumbelSoftmax()))
    silent = after_the_end(played.speech.symbols.numpy(), V - 1)
    np.testing.assert_array_equal(played.message.symbols, np.where(silent, V - 1, V))
    np.testing.assert_array_equal(played.message.relaxed.numpy().argmax(-1), played.message.symbols)


def test_end_of_a_message_leaves_no_gradient_undefined():
    team, rules = agents(grammar=EndSymbol()), game()
    weights = [v.value for v in team[0].trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        loss = tf.reduce_sum(rules.speaker_loss(play(rules, team), STEP).loss)
    gradients = tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert any(np.any(gradient) for gradient in gradients)


def test_every_symbol_before_the_end_costs_its_price():
    played = play(game(reward=LengthCost(Success(1.0, -1.0), 0.25)), agents(grammar=EndSymbol()))
    success, lengths = played.outcome.success.numpy(), played.speech.lengths.numpy()
    assert len(set(lengths)) > 1
    np.testing.assert_allclose(played.outcome.reward, 2 * success - 1 - 0.25 * lengths, atol=1e-6)


def test_naming_is_what_numpy_makes_of_the_listeners_predictions():
    team = agents(functools.partial(MultiMlp, L, K, 9))
    rules = naming(LogProbability())
    played = play(rules, team)
    scores = team[2].predictions(played.message).numpy()
    assert scores.shape == (B, L, K)
    named = scores.argmax(-1)
    np.testing.assert_array_equal(played.choice.candidates, named)
    np.testing.assert_allclose(played.outcome.success, (named == LABELS).mean(1), atol=1e-6)
    right = np.take_along_axis(scipy.special.log_softmax(scores, -1), LABELS[..., None], -1)[..., 0]
    np.testing.assert_allclose(played.outcome.reward, right.mean(1), atol=1e-5)
    terms = rules.listener_loss(played, STEP)
    np.testing.assert_allclose(terms.loss, -right.mean(1), atol=1e-5)
    order = np.argsort(-scores, axis=-1)[..., :5]
    np.testing.assert_allclose(terms.terms["listener_top5"], (order == LABELS[..., None]).any(-1).mean(1), atol=1e-6)
    assert np.isfinite(rules.speaker_loss(played, STEP).loss).all()


def with_noise(input_noise, views):
    parts = Clear(), Discrimination(), Greedy(), Success(), SpeakerReinforce(), ListenerContrastive()
    return Game(*parts, input_noise=input_noise, views=views)


class Recording:
    """Agents that note down which inputs they are shown."""

    def __init__(self, team):
        self.seen, (self.speaker, self.target, self.listener) = {}, team
        self.sample, self.score, self.project = self.speaker.sample, self.target.score, team[2].head.project_candidates
        self.speaker.sample = lambda inputs, *rest: self.note("sample", inputs) or self.sample(inputs, *rest)
        self.target.score = lambda inputs, symbols: self.note("score", inputs) or self.score(inputs, symbols)
        self.listener.head.project_candidates = lambda inputs: self.note("listener", inputs) or self.project(inputs)

    def note(self, what, inputs):
        self.seen[what] = inputs.numpy()

    def play(self, rules, first=0, count=B):
        stream = step_stream(0, STEP, tf.constant(first), count, B)
        own = INPUTS[first : first + count]
        return rules.play(self.speaker, self.target, self.listener, Batch(own, {}), INPUTS, STEP, stream)


@pytest.mark.parametrize("views", [1, 2])
def test_inputs_are_seen_with_noise_in_units_of_the_batchs_deviation(views):
    team = Recording(agents())
    played = team.play(with_noise(0.5, views))
    seen, shown = team.seen["sample"], team.seen["listener"]
    np.testing.assert_array_equal(team.seen["score"], seen)
    np.testing.assert_array_equal(played.batch.inputs, seen)
    assert np.array_equal(seen, shown) == (views == 1)
    stage = "speaker's view" if views == 1 else "listener's view"
    stream = step_stream(0, STEP, tf.constant(0), B, B)
    for found, name in ((seen, "speaker's view"), (shown, stage)):
        expected = INPUTS + 0.5 * INPUTS.numpy().std(axis=0) * stream.stage(name).normal(F).numpy()
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("views", [1, 2])
def test_a_replica_sees_the_noise_that_one_device_sees(views):
    team, rules = Recording(agents()), with_noise(0.7, views)
    team.play(rules)
    whole = dict(team.seen)
    for first in (0, B // 2):
        team.play(rules, first, B // 2)
        own = slice(first, first + B // 2)
        for what, expected in (("sample", whole["sample"][own]), ("listener", whole["listener"])):
            np.testing.assert_allclose(team.seen[what], expected, atol=1e-6)


def test_noise_on_inputs_changes_no_other_draw():
    team = agents()
    clear, noisy = play(with_noise(0.0, 2), team), play(with_noise(1e-7, 2), team)
    np.testing.assert_array_equal(clear.speech.symbols, noisy.speech.symbols)
    assert not np.array_equal(clear.batch.inputs, noisy.batch.inputs)


def test_without_noise_agents_see_the_inputs_themselves():
    for views in (1, 2):
        team = Recording(agents())
        team.play(with_noise(0.0, views))
        for seen in team.seen.values():
            np.testing.assert_array_equal(seen, INPUTS)


@pytest.mark.parametrize(("noise", "views"), [(-0.5, 2), (0.5, 0), (0.5, 3)])
def test_impossible_noise_on_inputs_is_refused(noise, views):
    with pytest.raises(UserError, match="Game.input_noise|Game.views"):
        with_noise(noise, views)


def test_part_of_another_kind_is_refused():
    with pytest.raises(UserError, match="Game.task"):
        Game(Clear(), Greedy(), Greedy(), Success(), SpeakerReinforce(), ListenerContrastive())
