import functools
import types

import numpy as np
import tensorflow as tf

from tests import lewis
from tf_emcom.agents.grammar import EndSymbol
from tf_emcom.agents.heads.prediction import MultiMlp
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.recurrent import LstmCore
from tf_emcom.agents.speaker import Speaker
from tf_emcom.data.source import Examples
from tf_emcom.games.channels import Clear, FixedErasure
from tf_emcom.games.lewis import Game
from tf_emcom.games.losses import ListenerClassification, SpeakerReinforce
from tf_emcom.games.policies import Greedy
from tf_emcom.games.rewards import Success
from tf_emcom.games.tasks import Naming
from tf_emcom.games.transfer import TransferGame
from tf_emcom.games.transfer_tasks import Attribute
from tf_emcom.training.actions.showcase import Showcase
from tf_emcom.training.learner import Learner
from tf_emcom.training.optimizers import Adam

N, GAMES = 20, 6
EXAMPLES = Examples(lewis.inputs(N), {"label": np.arange(N) % 3, "image": np.zeros((N, 8, 8, 3), np.uint8)})


def strong(learner):
    """Weights that matter, so that messages differ."""
    generator = np.random.default_rng(3)
    for weights in learner.agents.values():
        for weight in weights:
            weight.assign(generator.normal(0, 1, weight.shape))
    return learner


def played(showcase, step):
    return showcase.games(step, *showcase.messages())


def naming_learner():
    rules = Game(Clear(), Naming(3), Greedy(), Success(), SpeakerReinforce(), ListenerClassification())
    core = functools.partial(LstmCore, 8)
    return Learner(
        rules,
        functools.partial(Speaker, 7, 4, core_cls=core, grammar=EndSymbol()),
        functools.partial(Listener, 7, core, functools.partial(MultiMlp, 1, 3, 8)),
        *(Adam, Adam),
        features=lewis.FEATURES,
        batch_size=8,
    )


def test_examples_are_drawn_once_and_never_twice():
    learner = lewis.make_learner(lewis.nlg, 8)
    showcase = Showcase(learner, EXAMPLES, 12, GAMES)
    assert len(set(showcase.rows)) == 12 and max(showcase.rows) < N
    np.testing.assert_array_equal(showcase.rows, Showcase(learner, EXAMPLES, 12, GAMES).rows)
    assert sorted(Showcase(learner, EXAMPLES, 99, GAMES).rows) == list(range(N))


def test_messages_are_the_greedy_ones():
    learner = strong(lewis.make_learner(lewis.nlg, 8))
    showcase = Showcase(learner, EXAMPLES, 12, GAMES)
    symbols, lengths = showcase.messages()
    np.testing.assert_array_equal(symbols, learner.speaker.greedy(EXAMPLES.inputs[showcase.rows]).symbols)
    assert len(np.unique(symbols, axis=0)) > 3
    assert lengths.tolist() == [4] * 12


def test_each_game_is_about_another_example_and_the_best_score_wins():
    learner = strong(lewis.make_learner(lewis.nlg, 8))
    learner.game.channel = FixedErasure([1])
    showcase = Showcase(learner, EXAMPLES, 12, GAMES)
    shown = played(showcase, 5)
    assert shown.candidates.tolist() == [[0, 1, 2, 3]] * 4 + [[4, 5, 0, 1]] * 2
    own = np.take_along_axis(shown.candidates, shown.targets[:, np.newaxis], 1)[:, 0]
    assert own.tolist() == list(range(GAMES))
    np.testing.assert_array_equal(shown.sent, showcase.messages()[0][:GAMES])
    assert (shown.received[:, 1] == 7).all()
    np.testing.assert_array_equal(np.delete(shown.received, 1, 1), np.delete(shown.sent, 1, 1))
    inputs = EXAMPLES.inputs[showcase.rows]
    for game in range(GAMES):
        candidates = tf.constant(inputs[shown.candidates[game]])
        assert np.argmax(learner.listener((shown.received[game : game + 1], candidates))) == shown.choices[game]


def test_table_tells_examples_by_number_and_label():
    learner = strong(lewis.make_learner(lewis.nlg, 8))
    showcase = Showcase(learner, EXAMPLES, 3, 1)
    shown = played(showcase, 0)._replace(
        sent=np.array([[3, 0, 6, 6]]), received=np.array([[3, 7, 6, 6]]), lengths=np.array([2])
    )
    row = showcase.rows[0]
    name = f"#{row} ({row % 3})"
    assert showcase.table(shown).splitlines()[2:] == [f"| **{name}** | 3 0 · · | 3 ? · · | {name} | right |"]
    unlabelled = Showcase(learner, Examples(EXAMPLES.inputs, {}), 8, 8)
    # A listener whose choice is another example.
    shown = played(unlabelled, 0)
    shown = shown._replace(choices=(shown.targets + 1) % 4)
    lines = unlabelled.table(shown).splitlines()[2:]
    assert [line.split(" | ")[-1] for line in lines] == ["wrong |"] * 8
    assert lines[0].split(" | ")[3] == f"#{unlabelled.rows[1]}"
    assert unlabelled.images(shown) is None


def test_naming_games_show_what_was_named():
    learner = strong(naming_learner())
    showcase = Showcase(learner, EXAMPLES, 12, GAMES)
    shown = played(showcase, 5)
    heard = learner.listener(shown.received).numpy()[:, 0]
    assert shown.named.tolist() == np.argmax(heard, axis=-1).tolist()
    labels = showcase.labels["label"][:GAMES]
    assert (shown.choices == 0).tolist() == (shown.named == labels).tolist()
    assert shown.candidates.tolist() == [[game] for game in range(GAMES)]
    assert showcase.images(shown).shape == (GAMES, 1, 8, 8, 3)
    # Silence cannot be heard otherwise than it was said.
    assert shown.lengths.tolist() == learner.speaker.grammar.lengths(tf.constant(shown.sent)).numpy().tolist()


def test_games_of_a_population_are_those_of_its_first_agents():
    population = lewis.make_population(lewis.nlg, 8, 3, 2)
    alone = lewis.make_learner(lewis.nlg, 8)
    alone.speaker.set_weights([population.speaker_members.rows.value(0, v) for v in population.speaker_members.weights])
    population.speaker_as(2)
    symbols, _ = Showcase(population, EXAMPLES, 12, GAMES).messages()
    np.testing.assert_array_equal(symbols, Showcase(alone, EXAMPLES, 12, GAMES).messages()[0])


def test_games_of_independent_seeds_are_those_of_the_first():
    seeds, first = lewis.make_independent(lewis.nlg, 8, 2, seed=3), lewis.make_learner(lewis.nlg, 8, seed=3)
    shown, expected = (played(Showcase(learner, EXAMPLES, 12, GAMES), 5) for learner in (seeds, first))
    for part, other in zip(shown[:-1], expected[:-1], strict=True):
        np.testing.assert_array_equal(part, other)


def test_looking_changes_nothing():
    learner = strong(lewis.make_population(lewis.nlg, 8, 3, 2))
    before = lewis.everything(learner)
    showcase = Showcase(learner, EXAMPLES, 12, GAMES)
    played(showcase, 5)
    for value, other in zip(lewis.everything(learner), before, strict=True):
        np.testing.assert_array_equal(value, other)


def test_transfer_runs_have_nothing_to_show():
    assert Showcase.suits(lewis.make_learner(lewis.lg_s, 8))
    assert not Showcase.suits(types.SimpleNamespace(game=TransferGame(Clear(), Attribute())))
