"""Components used from Python: what a notebook gives them, and what they answer."""

import subprocess
import sys

import numpy as np
import pytest

import tf_emcom as ec
from tf_emcom.errors import UserError
from tf_emcom.evaluation.evaluator import Condition, Evaluator
from tf_emcom.types import Candidates, Message

RNG = np.random.default_rng(0)
FEATURES, GAMES = 6, 8


def examples(count=40):
    inputs = RNG.normal(size=(count, FEATURES)).astype(np.float32)
    return ec.Examples(inputs, {"label": RNG.integers(0, 3, count)})


def small_speaker(**settings):
    return ec.Speaker(**{"vocab_size": 5, "message_length": 3, "core_cls": lambda: ec.GruCore(8), **settings})


def small_listener(**settings):
    settings = {"vocab_size": 5, "core_cls": lambda: ec.GruCore(8), **settings}
    return ec.Listener(**{"head_cls": lambda: ec.Cpc(8), **settings})


def learner(speaker_cls=small_speaker, listener_cls=small_listener, channel=None, **settings):
    rules = (ec.Discrimination(), ec.Greedy(), ec.Success(), ec.SpeakerReinforce(), ec.ListenerContrastive())
    game = ec.Game(channel or ec.Erasure(0.25), *rules)
    agents = speaker_cls, listener_cls, ec.Adam, ec.Adam
    return ec.Learner(game, *agents, **{"features": FEATURES, "batch_size": GAMES, **settings})


def weights(trainer):
    return [v.numpy() for agent in trainer.learner.agents.values() for v in agent]


@pytest.mark.slow
def test_a_second_call_goes_on_where_the_first_stopped():
    data = examples()
    whole = ec.Trainer(learner(), ec.OneDevice(False))
    parts = ec.Trainer(learner(), ec.OneDevice(False))
    mean = whole.train(data, 13)
    means = [parts.train(data, steps)["loss"] * steps for steps in (3, 6, 4)]
    assert sum(means) / 13 == pytest.approx(mean["loss"], rel=1e-6)
    for one, other in zip(weights(whole), weights(parts), strict=True):
        np.testing.assert_array_equal(one, other)
    assert parts.steps == 13
    assert parts.traces == 1


@pytest.mark.slow
def test_other_examples_continue_the_count():
    first, second = examples(), examples()
    trainer = ec.Trainer(learner(), ec.OneDevice(False))
    trainer.train(first, 3)
    trainer.train(second, 2)
    again = ec.Trainer(learner(), ec.OneDevice(False))
    again.train(first, 3)
    again.train(second, 2, first_step=3)
    assert trainer.steps == again.steps == 5
    for one, other in zip(weights(trainer), weights(again), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_examples_that_were_changed_in_place_are_other_examples():
    data = examples()
    trainer, again = (ec.Trainer(learner(), ec.OneDevice(False)) for _ in range(2))
    trainer.train(data, 3)
    again.train(data, 3)
    copy = ec.Examples(1 - data.inputs, dict(data.labels))
    data.inputs[:] = copy.inputs
    assert trainer.train(data, 2) == again.train(copy, 2)
    for one, other in zip(weights(trainer), weights(again), strict=True):
        np.testing.assert_array_equal(one, other)
    data.inputs[5, 1] = np.nan
    with pytest.raises(UserError, match="NaN in row 5, feature 1"):
        trainer.train(data, 1)


def test_numbers_of_numpy_are_numbers():
    made = learner(
        channel=ec.Erasure(np.float32(0.25)),
        speaker_cls=lambda: small_speaker(vocab_size=np.int64(5), message_length=np.int32(3)),
        features=np.int64(FEATURES),
        batch_size=np.int64(GAMES),
        seed=np.int64(3),
    )
    plain = learner(seed=3)
    for agent, others in plain.agents.items():
        for one, other in zip(made.agents[agent], others, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert ec.Discrimination(np.int64(3)).candidates_per_game(GAMES) == 4


def test_lists_are_arrays():
    speaker, listener = small_speaker(), small_listener()
    inputs = examples().inputs[:4]
    messages = speaker(inputs)
    np.testing.assert_array_equal(speaker(inputs.tolist()), messages)
    scores = listener((messages, inputs))
    np.testing.assert_allclose(listener((messages.numpy().tolist(), inputs.tolist())), scores, atol=1e-6)


MISTAKES = {
    "features of a speaker": (lambda: built(small_speaker())(np.zeros((4, FEATURES + 1), np.float32)), "6"),
    "one input for a speaker": (lambda: built(small_speaker())(np.zeros(FEATURES, np.float32)), r"\[N, 6\]"),
    "ragged list": (lambda: built(small_speaker())([[1.0], [1.0, 2.0]]), "rows of numbers"),
    "texts": (lambda: built(small_speaker())([["a", "b"]]), "rows of numbers"),
    "symbols of a listener": (lambda: small_listener()((np.full((4, 3), 7), examples().inputs[:4])), "0 to 4"),
    "messages that are inputs": (lambda: small_listener()((examples().inputs[:4], examples().inputs[:4])), "ids"),
    "candidates of a listener": (lambda: heard(np.zeros((4, FEATURES + 2), np.float32)), "6"),
    "bare array to train on": (lambda: trained(examples().inputs), "Examples"),
    "features to train on": (lambda: trained(ec.Examples(np.zeros((40, 9), np.float32), {})), "6"),
    "too few labels": (lambda: trained(ec.Examples(np.zeros((40, 6)), {"label": np.zeros(3)})), "'label'"),
    "no labels": (lambda: trained(ec.Examples(np.zeros((40, 6)), None)), "examples.labels is None"),
    "a list of labels": (lambda: trained(ec.Examples(np.zeros((40, 6)), [1] * 40)), "examples.labels is"),
    "texts to train on": (lambda: trained(ec.Examples(np.full((40, 6), "x"), {})), "inputs are str32"),
    "complex inputs": (lambda: trained(ec.Examples(np.ones((40, 6), complex), {})), "inputs are complex128"),
    "no steps": (lambda: ec.Trainer(learner(), ec.OneDevice(False)).train(examples(), 0), "1 or more"),
    "nothing to predict": (lambda: small_listener()(np.zeros((4, 3), np.int32)), "MultiMlp"),
    "critics of other candidates": (lambda: heard_by_critics(5), "5 candidates.* for 4"),
    "vocabularies": (lambda: learner(speaker_cls=lambda: small_speaker(vocab_size=50)), "50 symbols.* 5, "),
    "long messages": (
        lambda: learner(listener_cls=lambda: small_listener(core_cls=lambda: ec.TransformerReader(8, 2, 1, 2))),
        "3 symbols.*2 positions",
    ),
    "a speaker that listens": (lambda: learner(listener_cls=ec.Speaker), "a class of a Listener"),
    "a game that is none": (lambda: learner(channel="erasure"), r"an object of a Channel"),
    "a class for an object": (lambda: ec.Game(ec.Clear, *5 * [None]), r"the class Clear.*Clear\(\)"),
    "a factory of something else": (lambda: small_speaker(core_cls=lambda: 5), "core_cls makes is 5"),
    "a former file": (lambda: built(small_speaker()).save("x.h5"), "NAME.keras"),
    "a layer that is no torso": (lambda: small_speaker(torso_cls=ec.GruCore), "output_size"),
}


def built(speaker):
    speaker.build((None, FEATURES))
    return speaker


def heard(candidates):
    listener = small_listener()
    listener.build((4, FEATURES))
    return listener((np.zeros((4, 3), np.int32), candidates))


def heard_by_critics(count):
    listener = small_listener(head_cls=lambda: ec.NormMergePolicyValue(8))
    listener.build((4, FEATURES))
    inputs = np.zeros((count, FEATURES), np.float32)
    return listener.hear(Message(np.zeros((4, 3), np.int32)), Candidates(inputs, None, None))


def trained(data):
    return ec.Trainer(learner(), ec.OneDevice(False)).train(data, 1)


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_python_gets_one_sentence_in_terms_of_python(mistake):
    make, match = MISTAKES[mistake]
    with pytest.raises(UserError, match=match) as refusal:
        make()
    sentence = str(refusal.value)
    assert "@" not in sentence
    assert "bind" not in sentence
    assert "\n" not in sentence


@pytest.mark.processes
def test_a_saved_speaker_is_loaded_after_nothing_but_the_import(tmp_path):
    speaker = built(small_speaker())
    speaker.save(tmp_path / "speaker.keras")
    code = (
        "import sys, tf_emcom, keras\n"
        "speaker = keras.saving.load_model(sys.argv[1])\n"
        "print(type(speaker).__name__, speaker.vocab_size)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "speaker.keras")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "Speaker 5\n", done.stderr


@pytest.mark.slow
def test_history_has_a_row_for_each_period_and_the_same_means():
    data = examples()
    whole, parts = (ec.Trainer(learner(), ec.OneDevice(False)) for _ in range(2))
    means = whole.train(data, 7)
    assert [row["step"] for row in whole.history] == [7] and whole.history[0]["loss"] == means["loss"]
    assert parts.train(data, 7, every=3)["loss"] == pytest.approx(means["loss"], rel=1e-6)
    assert [row["step"] for row in parts.history] == [3, 6, 7]
    total = sum(row["loss"] * steps for row, steps in zip(parts.history, (3, 3, 1), strict=True))
    assert total / 7 == pytest.approx(means["loss"], rel=1e-6)
    for one, other in zip(weights(whole), weights(parts), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_evaluate_gives_what_the_test_of_the_channel_measures():
    pair, data = learner(), examples()
    row = ec.evaluate(pair, data, candidates=5, noise=0.25, passes=2)
    evaluator = Evaluator(pair, data.inputs, False, ec.Erasure(0.0))
    wins = evaluator.successes([5], [Condition(0.25)], 2, 42, "given")
    assert row["accuracy"] == wins.pairs[0, 0, 0] / wins.games[0]
    assert (row["games"], row["inputs"], row["channel"]) == (80, 40, "Erasure")
    assert row["interval"][0] < row["accuracy"] < row["interval"][1]
    assert ec.evaluate(pair, data, candidates=5, noise=0) == ec.evaluate(pair, data, candidates=5, noise=0.0)


@pytest.mark.parametrize("wrong", [{"candidates": 1}, {"candidates": 41}, {"noise": 1.5}, {"noise": "much"}])
def test_evaluate_refuses_what_cannot_be_played(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        ec.evaluate(learner(), examples(), **wrong)


def test_the_package_shows_what_a_user_may_use_and_nothing_else():
    assert set(dir(ec)) == {*ec.__all__, "__version__"}
