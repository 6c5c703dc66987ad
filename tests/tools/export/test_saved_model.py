"""The functions of a SavedModel against the agents themselves."""

import functools
import json

import numpy as np
import pytest
import tensorflow as tf

from tests import lewis
from tests.tools.export import trainees
from tests.tools.export.trainees import F, T, V
from tf_emcom.agents.grammar import EndSymbol
from tf_emcom.agents.heads.listener import Cpc
from tf_emcom.agents.heads.prediction import ImageDecoder, MultiMlp
from tf_emcom.games.transfer_tasks import Classification, DiscriminationByDistance, Reconstruction
from tf_emcom.runtime.compiler import computing_in
from tf_emcom.seeds import Stream, seed_words
from tf_emcom.tools.export.agents import ExportedAgents
from tf_emcom.tools.export.modules import ChoosingModule
from tf_emcom.types import Candidates, Message

INPUTS = lewis.inputs(9)
# The distance from 1 to the next number: a significand has 8 bits.
BFLOAT16_EPSILON = 2.0**-7
# Some symbols are UNK.
MESSAGES = np.random.default_rng(1).integers(0, V + 1, (9, T)).astype(np.int32)

POPULATIONS = {
    "a pair": lambda: lewis.make_learner(lewis.nlg, 8),
    "a population": lambda: lewis.make_population(lewis.lg_s, 8, 3, 2),
}


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Name ↦ agents, and their SavedModel as TensorFlow loads it."""

    @functools.cache
    def export(name):
        agents = POPULATIONS[name]()
        return agents, tf.saved_model.load(str(trainees.saved(agents, tmp_path_factory.mktemp("of") / "saved")))

    return export


@pytest.fixture(params=POPULATIONS)
def both(request, exports):
    return exports(request.param)


@pytest.fixture
def pair(exports):
    return exports("a pair")


@pytest.fixture(scope="module")
def ending(tmp_path_factory):
    agents = trainees.of_task(DiscriminationByDistance(functools.partial(Cpc, 6)), EndSymbol())
    return agents, tf.saved_model.load(str(trainees.saved(agents, tmp_path_factory.mktemp("of") / "saved")))


def expected_scores(listener, messages, candidates):
    return listener.scores(Message(tf.constant(messages)), Candidates(tf.constant(candidates), None, None)).numpy()


@pytest.mark.slow
def test_an_older_export_whose_function_has_its_former_name_is_loaded(tmp_path):
    agents = trainees.of_task(DiscriminationByDistance(functools.partial(Cpc, 6)), EndSymbol())
    module = ChoosingModule(agents, trainees.contents(agents, tmp_path).metadata, [])
    module.keep_silence = module.mask_after_end
    del module.mask_after_end
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=module.signatures)
    assert not hasattr(tf.saved_model.load(str(tmp_path / "saved")), "mask_after_end")
    loaded = ExportedAgents(agents.game, F, batch_size=8, saved_model=str(tmp_path / "saved"))
    sent, received = tf.constant([[0, V - 1, V - 1, V - 1]]), tf.constant([[V, V, V, V]])
    masked = loaded.speaker_as(0).grammar.mask_after_end(sent, received)
    np.testing.assert_array_equal(masked, [[V, V, V - 1, V - 1]])


@pytest.mark.slow
@pytest.mark.parametrize("games", [1, 9])
def test_every_speaker_says_the_same_as_in_its_run(both, games):
    agents, model = both
    for index in range(agents.speakers):
        said = agents.speaker_as(index).greedy(tf.constant(INPUTS[:games]))
        for found in (
            model.speak(INPUTS[:games], index),
            model.signatures["speak"](inputs=tf.constant(INPUTS[:games]), speaker=tf.constant(index)),
        ):
            np.testing.assert_array_equal(found["symbols"], said.symbols)
            np.testing.assert_allclose(found["log_probabilities"], said.log_probs, rtol=1e-6)
            np.testing.assert_array_equal(found["lengths"], [T] * games)


def test_agents_of_a_population_differ(both):
    agents, model = both
    said = {model.speak(INPUTS, i)["log_probabilities"].numpy().tobytes() for i in range(agents.speakers)}
    heard = {model.represent(MESSAGES, i).numpy().tobytes() for i in range(agents.listeners)}
    assert (len(said), len(heard)) == (agents.speakers, agents.listeners)


def test_every_listener_scores_shared_candidates_as_in_its_run(both):
    agents, model = both
    for index in range(agents.listeners):
        wanted = expected_scores(agents.listener_as(index), MESSAGES, INPUTS[:5])
        for found in (
            model.listen(MESSAGES, INPUTS[np.newaxis, :5], index),
            model.signatures["listen"](
                messages=tf.constant(MESSAGES),
                candidates=tf.constant(INPUTS[np.newaxis, :5]),
                listener=tf.constant(index),
            ),
        ):
            np.testing.assert_allclose(found["scores"], wanted, rtol=1e-5, atol=1e-6)
            np.testing.assert_array_equal(found["choices"], wanted.argmax(axis=1))


@pytest.mark.parametrize("count", [1, 2, 6])
def test_every_message_can_have_candidates_of_its_own(both, count):
    agents, model = both
    candidates = lewis.inputs(9 * count, seed=3).reshape(9, count, F)
    found = model.listen(MESSAGES, candidates, agents.listeners - 1)
    listener = agents.listener_as(agents.listeners - 1)
    wanted = np.concatenate([expected_scores(listener, MESSAGES[i : i + 1], candidates[i]) for i in range(9)])
    np.testing.assert_allclose(found["scores"], wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found["choices"], wanted.argmax(axis=1))


def test_messages_without_noise_arrive_unchanged(both):
    agents, model = both
    speaker, listener = agents.speakers - 1, agents.listeners - 1
    game = model.play(INPUTS, speaker=speaker, listener=listener)
    said = agents.speaker_as(speaker).greedy(tf.constant(INPUTS)).symbols.numpy()
    np.testing.assert_array_equal(game["messages"], said)
    np.testing.assert_array_equal(game["received"], said)
    wanted = expected_scores(agents.listener_as(listener), said, INPUTS).argmax(axis=1)
    np.testing.assert_array_equal(game["choices"], wanted)


@pytest.mark.parametrize("seed", [0, 7, 3 * 2**31 + 5])
def test_lost_symbols_depend_on_seed_and_place_alone(pair, seed):
    agents, model = pair
    game = model.play(INPUTS, noise=0.4, seed=tf.constant(seed, tf.int64))
    stream = Stream(seed_words(seed), tf.constant(0), len(INPUTS), len(INPUTS)).stage("channel")
    received = np.where(stream.uniform(T) < 0.4, V, game["messages"])
    assert 0 < np.count_nonzero(received == V) < received.size
    np.testing.assert_array_equal(game["received"], received)
    wanted = expected_scores(agents.listener_as(0), received, INPUTS).argmax(axis=1)
    np.testing.assert_array_equal(game["choices"], wanted)
    fewer = model.play(INPUTS[:4], noise=0.4, seed=tf.constant(seed, tf.int64))
    np.testing.assert_array_equal(fewer["received"], received[:4])


def test_everything_is_lost_at_noise_one(pair):
    _, model = pair
    received = model.signatures["play"](
        inputs=tf.constant(INPUTS),
        noise=tf.constant(1.0),
        seed=tf.constant(0, tf.int64),
        speaker=tf.constant(0),
        listener=tf.constant(0),
    )["received"]
    np.testing.assert_array_equal(received, np.full((9, T), V))


@pytest.mark.slow
def test_messages_that_end_have_lengths_and_symbols_behind_the_end_are_never_lost(ending):
    agents, model = ending
    inputs = lewis.inputs(200)
    game, said = model.play(inputs, noise=1.0), agents.speaker.greedy(tf.constant(inputs))
    np.testing.assert_array_equal(game["messages"], said.symbols)
    lengths = model.speak(inputs)["lengths"].numpy()
    np.testing.assert_array_equal(lengths, said.lengths)
    assert len(set(lengths)) > 1
    # The end symbol itself is lost, those behind it are not.
    wanted = np.where(np.arange(T) <= lengths[:, np.newaxis], V, V - 1)
    np.testing.assert_array_equal(game["received"], wanted)
    assert json.loads(model.metadata()["json"].numpy())["grammar"] == {"name": "EndSymbol", "symbol": V - 1}


@pytest.mark.slow
def test_labels_are_predicted_from_the_message_alone(tmp_path):
    agents = trainees.of_task(Classification(5, functools.partial(MultiMlp, size=6)))
    model = tf.saved_model.load(str(trainees.saved(agents, tmp_path / "saved")))
    wanted = agents.listener.predictions(Message(tf.constant(MESSAGES))).numpy()
    found = model.signatures["listen"](messages=tf.constant(MESSAGES), listener=tf.constant(0))
    np.testing.assert_allclose(found["predictions"], wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found["choices"], wanted.argmax(axis=-1))
    game = model.play(INPUTS)
    heard = agents.listener.predictions(Message(game["messages"])).numpy()
    np.testing.assert_array_equal(game["choices"], heard.argmax(axis=-1))
    assert json.loads(model.metadata()["json"].numpy())["predictions"] == [1, 5]


@pytest.mark.slow
def test_images_are_predicted_without_a_choice(tmp_path):
    agents = trainees.of_task(Reconstruction(functools.partial(ImageDecoder, 4, (3,))))
    model = tf.saved_model.load(str(trainees.saved(agents, tmp_path / "saved")))
    found = model.listen(MESSAGES)
    assert set(found) == {"predictions"}
    wanted = agents.listener.predictions(Message(tf.constant(MESSAGES)))
    np.testing.assert_allclose(found["predictions"], wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_agents_in_half_precision_compute_the_same(tmp_path):
    with computing_in("mixed_bfloat16"):
        agents = lewis.make_learner(lewis.nlg, 8)
    model = tf.saved_model.load(str(trainees.saved(agents, tmp_path / "saved", precision="mixed_bfloat16")))
    said, found = agents.speaker.greedy(tf.constant(INPUTS)), model.speak(INPUTS)
    np.testing.assert_array_equal(found["symbols"], said.symbols)
    np.testing.assert_allclose(found["log_probabilities"], said.log_probs, rtol=BFLOAT16_EPSILON)
    wanted = expected_scores(agents.listener, MESSAGES, INPUTS)
    heard = model.listen(MESSAGES, INPUTS[np.newaxis])
    # Rounding errors are relative to the scale of all scores, not to each score, which may be near zero.
    tolerance = BFLOAT16_EPSILON * np.abs(wanted).max()
    np.testing.assert_allclose(heard["scores"], wanted, rtol=0, atol=tolerance)
    chosen = np.take_along_axis(wanted, heard["choices"].numpy()[:, np.newaxis], axis=1)[:, 0]
    best = wanted.max(axis=1)
    second = np.sort(wanted, axis=1)[:, -2]
    is_tie = best - second <= 2 * tolerance
    assert not is_tie.all()
    np.testing.assert_array_equal(heard["choices"].numpy()[~is_tie], wanted.argmax(axis=1)[~is_tie])
    assert np.all(best - chosen <= 2 * tolerance)


def test_all_weights_of_all_agents_are_in_it_and_nothing_else(both):
    agents, model = both
    kept = sum(np.size(stack) for stack in (*model.speaker_weights.values(), *model.listener_weights.values()))
    speaker, listener = agents.agents["speaker"], agents.agents["listener"]
    assert kept == sum(np.prod(v.shape) for v in (*speaker, *listener))


@pytest.mark.slow
def test_metadata_can_be_read_with_and_without_tensorflow(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 3, "loss": 0.5}\n{"step": 4, "loss": 0.1}\n')
    (tmp_path / "eval").mkdir()
    rows = [{"step": 3, "accuracy": 0.5, "speaker": 0}, {"step": 3, "ensemble": "average", "accuracy": 0.25}]
    lines = "".join(json.dumps(row) + "\n" for row in [*rows, {"step": 1, "accuracy": 1.0}])
    (tmp_path / "eval" / "testchannel.jsonl").write_text(lines)
    agents = lewis.make_population(lewis.lg_s, 8, 3, 2)
    folder = trainees.saved(agents, tmp_path / "saved", documents={"speaker.gin": "seed = 2\n"})
    found = json.loads((folder / "assets" / "metadata.json").read_text())
    assert json.loads(tf.saved_model.load(str(folder)).signatures["metadata"]()["json"].numpy()) == found
    sizes = {"vocabulary_size": V, "message_length": T, "unknown_symbol": V, "features": F}
    assert {**sizes, "speakers": 3, "listeners": 2}.items() <= found.items()
    assert found["weights_of_a_speaker"] == sum(np.prod(v.shape) for v in agents.speaker_as(0).trainable_variables)
    assert (found["step"], found["metrics"], found["data"]) == (3, {"step": 3, "loss": 0.5}, "names")
    # Results of this step alone, for all agents together.
    assert found["evaluations"] == {"testchannel": [rows[1]]}
    assert found["grammar"] == {"name": "AnySymbol"} and found["predictions"] is None
    assert (folder / "assets" / "config.gin").read_text() == "seed = 1\n"
    assert (folder / "assets" / "speaker.gin").read_text() == "seed = 2\n"


MISTAKES = {
    "a missing speaker": (lambda model: model.speak(INPUTS, 1), "There is no speaker .* has speaker 0 to 0"),
    "a speaker below zero": (lambda model: model.speak(INPUTS, -1), "There is no speaker"),
    "a missing listener": (
        lambda model: model.signatures["listen"](
            messages=tf.constant(MESSAGES), candidates=tf.constant(INPUTS[np.newaxis]), listener=tf.constant(2)
        ),
        "There is no listener",
    ),
    "a symbol above UNK": (lambda model: model.listen(MESSAGES + 1, INPUTS[np.newaxis]), "Symbols are 0 to 7"),
    "a noise above one": (lambda model: model.play(INPUTS, noise=1.5), "noise is a probability"),
    "candidates of another number of games": (
        lambda model: model.listen(MESSAGES, np.stack([INPUTS, INPUTS])),
        r"Candidates are \[1, C, F\]",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_an_error_of_tensorflow(pair, mistake):
    call, sentence = MISTAKES[mistake]
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?s){sentence}"):
        call(pair[1])


@pytest.mark.parametrize("name", ["function", "signature"])
@pytest.mark.parametrize("what", ["Inputs", "Candidates", "Messages"])
def test_another_number_of_features_or_symbols_is_refused(pair, name, what):
    _, model = pair
    inputs, candidates = tf.zeros([2, F + 1]), tf.zeros([1, 2, F + 1 if what == "Candidates" else F])
    messages = tf.zeros([2, T + 1 if what == "Messages" else T], tf.int32)
    wanted = f"{what} have {T if what == 'Messages' else F} in the last axis"
    with pytest.raises(tf.errors.InvalidArgumentError, match=wanted):
        if name == "function":
            model.play(inputs) if what == "Inputs" else model.listen(messages, candidates)
        elif what == "Inputs":
            model.signatures["speak"](inputs=inputs, speaker=tf.constant(0))
        else:
            model.signatures["listen"](messages=messages, candidates=candidates, listener=tf.constant(0))
