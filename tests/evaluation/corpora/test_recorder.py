import numpy as np
import pytest

from tests import lewis
from tests.evaluation.tests import meanings
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError
from tf_emcom.evaluation.corpora.corpus import order_of_play
from tf_emcom.evaluation.corpora.recorder import Recorder
from tf_emcom.evaluation.evaluator import Condition, Evaluator
from tf_emcom.games.answers import ChosenInput
from tf_emcom.games.channels import Erasure, Substitution
from tf_emcom.training.transfer_learner import strangers
from tf_emcom.types import Candidates, Message

T, UNK = 4, 7
LOSSY = Erasure(0.0)


def blocks(agents, count=60, candidates=8, noise=0.0, seed=42, pairs=((0, 0),), inputs=None, channel=LOSSY):
    inputs = lewis.inputs(count) if inputs is None else inputs
    examples = Examples(inputs, {"label": np.arange(len(inputs)) * 3})
    answer = ChosenInput() if candidates else None
    return list(Recorder(agents, list(pairs), examples, answer, candidates or 1, channel, noise, seed, False).blocks())


def joined(found):
    return {name: np.concatenate([block.columns()[name] for block in found]) for name in found[0].columns()}


@pytest.fixture(scope="module")
def agents():
    """A population of two speakers and three listeners."""
    return lewis.make_population(lewis.lg_s, 8, 2, 3)


@pytest.mark.parametrize(("count", "candidates"), [(60, 8), (60, 60), (1500, 64), (1100, 600), (1030, 1030), (7, 2)])
def test_every_example_has_one_row_with_what_the_agents_say_and_take(agents, count, candidates):
    found = joined(blocks(agents, count, candidates, noise=0.5, pairs=[(1, 2)]))
    assert sorted(found["id"].tolist()) == list(range(count))
    order = order_of_play(count, 42)
    assert found["id"].tolist() == order.tolist()
    inputs = lewis.inputs(count)
    speech = agents.speaker_as(1).greedy(inputs[order])
    np.testing.assert_array_equal(found["symbols"], speech.symbols)
    np.testing.assert_array_equal(found["length"], np.full(count, T))
    np.testing.assert_allclose(found["log_probability"], np.sum(speech.log_probs, axis=1), rtol=1e-4)
    np.testing.assert_array_equal(found["label"], order * 3)
    listener = agents.listener_as(2)
    filled = np.concatenate([order, order])
    for start in range(0, count, candidates):
        group = filled[start : start + candidates]
        own = slice(start, min(start + candidates, count))
        scores = listener.scores(Message(found["received"][own]), Candidates(inputs[group], None, None))
        np.testing.assert_array_equal(found["choice"][own], group[np.argmax(scores, axis=1)])
    np.testing.assert_array_equal(found["success"], found["choice"] == found["id"])
    assert set(found["speaker"]) == {1} and set(found["listener"]) == {2}


@pytest.mark.slow
def test_accuracy_is_that_of_the_first_pass_of_an_evaluation(agents):
    inputs = lewis.inputs(1280)
    evaluator = Evaluator(agents, inputs, False)
    wins = evaluator.successes([16, 64, 640], [Condition()], 1, 7, "test")
    for place, candidates in enumerate((16, 64, 640)):
        found = joined(blocks(agents, inputs=inputs, candidates=candidates, seed=7, pairs=evaluator.pairs))
        won = [found["success"][start : start + 1280].sum() for start in range(0, 6 * 1280, 1280)]
        assert won == wins.pairs[:, place, 0].tolist()


def test_what_is_erased_is_a_function_of_seed_and_example(agents):
    def erased(**settings):
        found = joined(blocks(agents, 500, noise=0.3, **settings))
        by_id = np.argsort(found["id"][:500])
        lost = found["received"] == UNK
        np.testing.assert_array_equal(found["received"][~lost], found["symbols"][~lost])
        return [part[by_id] for part in lost.reshape(-1, 500, T)]

    (first,) = erased()
    assert abs(first.mean() - 0.3) < 0.04
    assert len({tuple(row) for row in first.tolist()}) > 10
    one, other = erased(pairs=[(0, 0), (1, 1)], candidates=20)
    np.testing.assert_array_equal(one, first)
    np.testing.assert_array_equal(other, first)
    assert (erased(seed=43)[0] != first).any()


def test_noise_of_zero_and_one_leave_nothing_to_chance(agents):
    clear = joined(blocks(agents))
    np.testing.assert_array_equal(clear["received"], clear["symbols"])
    assert (joined(blocks(agents, noise=1.0))["received"] == UNK).all()


def test_where_nothing_is_chosen_there_is_no_choice(agents):
    found = joined(blocks(agents, 1500, candidates=None))
    assert "choice" not in found and "success" not in found
    assert found["id"].tolist() == order_of_play(1500, 42).tolist()


def test_it_compiles_once_for_all_agents_and_reads_mapped_inputs(agents, tmp_path):
    np.save(tmp_path / "inputs.npy", lewis.inputs(2500).astype(np.float16))
    inputs = np.load(tmp_path / "inputs.npy", mmap_mode="r")
    recorder = Recorder(agents, agents.pairs(), Examples(inputs, {}), ChosenInput(), 16, LOSSY, 0.5, 0, False)
    assert sum(len(block.id) for block in recorder.blocks()) == 6 * 2500
    assert recorder.player.traces == 1


def test_messages_are_those_that_evaluations_measure(tmp_path):
    experiment, _ = meanings.untrained_run(tmp_path / "run", meanings.Meanings())
    found = joined(blocks(experiment.learner, inputs=experiment.data.examples.inputs))
    np.testing.assert_array_equal(found["symbols"][np.argsort(found["id"])], meanings.messages_of(experiment))


def test_messages_go_through_the_channel_that_is_given(agents):
    found = joined(blocks(agents, 500, noise=0.3, channel=Substitution(1.0)))
    assert found["received"].max() < UNK
    assert abs((found["received"] != found["symbols"]).mean() - 0.3 * 6 / 7) < 0.04


def test_a_controls_messages_are_about_examples_without_rows(agents, monkeypatch):
    monkeypatch.setattr(agents, "subjects", lambda count: strangers(count, 3), raising=False)
    found, inputs = joined(blocks(agents, 80, 8)), lewis.inputs(80)
    assert sorted(found["id"].tolist()) == list(range(70))
    said = agents.speaker_as(0).greedy(inputs).symbols.numpy()
    np.testing.assert_array_equal(found["symbols"], said[strangers(80, 3)[found["id"]]])
    assert strangers(80, 3).min() == 70


def test_numbers_that_are_not_finite_are_no_measurement(agents):
    inputs = lewis.inputs(60)
    inputs[13, 4] = np.nan
    with pytest.raises(UserError, match="The scores of speaker 0 at noise 0 are not finite numbers .* in row 13"):
        blocks(agents, inputs=inputs)
