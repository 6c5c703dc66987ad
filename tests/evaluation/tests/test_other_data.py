"""Tests on another data set than the run's: they measure it, say so, and touch no result of the run's own."""

import numpy as np
import pytest

from tests import commands
from tests.evaluation.tests import meanings
from tests.evaluation.tests.test_naming import naming_run
from tf_emcom import cli
from tf_emcom.errors import UserError
from tf_emcom.evaluation.tests.accuracy_test import TestChannel, TestInput
from tf_emcom.evaluation.tests.test_language import TestLanguage, TestTopsim
from tf_emcom.evaluation.tests.test_message import TestMessage
from tf_emcom.evaluation.tests.test_naming import TestNaming
from tf_emcom.files import read_json_lines
from tf_emcom.tools.export.example_games import ExampleGames
from tf_emcom.tools.export.messages import Messages


class Others(meanings.Meanings):
    """Other inputs, with as many features."""

    name = "other meanings"

    def __init__(self, features=0):
        super().__init__(40, ("attributes", "factors", "label"))
        # The first ones are the run's own, whose number is another.
        self.examples = self.examples._replace(inputs=self.examples.inputs[::-1].copy())
        self._features = features

    def features(self):
        return self._features or super().features()


ACCURACY = {"candidates": (4, 16), "passes": 1}
MODES = {
    "testchannel": (TestChannel, ACCURACY),
    "testinput": (TestInput, ACCURACY),
    "testmessage": (TestMessage, ACCURACY),
    "testtopsim": (TestTopsim, {"passes": 1}),
    "testlanguage": (TestLanguage, {}),
    "examplegames": (ExampleGames, {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_results_are_those_of_a_run_whose_own_data_it_is_and_lie_apart(mode, tmp_path, capsys):
    cls, given = MODES[mode]
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings())
    cls(**given).run(experiment, folder)
    own = commands.snapshot(tmp_path / "run")
    capsys.readouterr()
    cls(**given, data=Others()).run(experiment, folder)
    said = capsys.readouterr().out
    assert "other meanings, test split" in said and f"{mode}.other_meanings.jsonl" in said
    after = commands.snapshot(tmp_path / "run")
    assert {path: after[path] for path in own} == own
    new = {f"eval/{mode}.other_meanings.jsonl"}
    new |= {f"figures/{mode}.other_meanings.png"} if f"figures/{mode}.png" in own else set()
    assert set(after) - set(own) == new
    # The same agents in a run on that data.
    there, other = meanings.untrained_run(tmp_path / "other", Others())
    cls(**given).run(there, other)
    expected = [{**row, "data": "other meanings"} for row in meanings.results(other, mode)]
    assert meanings.results(folder, f"{mode}.other_meanings") == expected
    assert all("data" not in row for row in meanings.results(folder, mode))


def test_naming_compares_with_what_is_frequent_in_the_runs_own_training(tmp_path):
    experiment, folder, _ = naming_run(tmp_path, noises=(0.0,), passes=1)
    TestNaming(noises=(0.0,), passes=1, data=Others()).run(experiment, folder)
    (row,) = meanings.results(folder, "testnaming.other_meanings")
    learnt, asked = experiment.data.examples.labels["factors"], Others().examples.labels["factors"]
    frequent = learnt.mean(axis=0) > 0.5
    assert row["without_message"] == pytest.approx(np.mean(asked == frequent))
    assert (row["data"], row["games"]) == ("other meanings", 80)


def test_a_name_keeps_results_apart_whatever_they_are_of(tmp_path):
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings())
    TestChannel(**ACCURACY, kept_as="few_noises", noises=(0.0,)).run(experiment, folder)
    TestChannel(**ACCURACY, kept_as="zero-shot", data=Others(), noises=(0.0,)).run(experiment, folder)
    assert {path for path in commands.snapshot(tmp_path / "run") if path.startswith("eval")} == {
        "eval/testchannel.few_noises.jsonl",
        "eval/testchannel.zero-shot.jsonl",
    }
    assert "data" not in meanings.results(folder, "testchannel.few_noises")[0]
    assert meanings.results(folder, "testchannel.zero-shot")[0]["data"] == "other meanings"


def test_a_corpus_of_other_data_lies_beside_that_of_the_run(tmp_path):
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings())
    for data in (None, Others()):
        Messages(formats=("jsonl",), candidates=4, data=data).run(experiment, folder)
    manifests = {path for path in commands.snapshot(tmp_path / "run") if path.endswith("corpus.json")}
    assert manifests == {"corpora/test/corpus.json", "corpora/other_meanings.test/corpus.json"}


@pytest.mark.parametrize(("cls", "given"), MODES.values(), ids=MODES)
def test_inputs_with_another_number_of_features_are_refused(cls, given, tmp_path):
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings())
    own = experiment.data.features()
    sentence = f"{cls.__name__}.data is other meanings, whose inputs have 7 features, but .* see {own}; set it to"
    with pytest.raises(UserError, match=sentence):
        cls(**given, data=Others(7)).run(experiment, folder)
    assert not list((tmp_path / "run").glob("eval/*"))


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "a b", "ü\0"])
def test_a_name_that_is_no_part_of_a_files_name_is_refused(name):
    with pytest.raises(UserError, match="TestChannel.kept_as is .* part of a file's name"):
        TestChannel(kept_as=name)


def test_other_data_that_are_no_numbers_are_refused(tmp_path):
    data = Others()
    data.examples.inputs[3, 1] = np.nan
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings())
    with pytest.raises(UserError, match="data set other meanings: NaN in row 3, feature 1"):
        TestChannel(**ACCURACY, data=data).run(experiment, folder)


@pytest.mark.slow
def test_two_bindings_test_a_run_on_images_that_it_has_not_met(tmp_path, capsys):
    run = tmp_path / "run"
    cli.run(["gin/lg_s_shapes.gin"], [*commands.TINY, "batch_size=16", "steps=2"], str(run))
    grid = ["TestChannel.candidates=(16,)", "TestChannel.passes=1", "TestChannel.noises=(0.0,)"]
    other = ["TestChannel.data=@new/Shapes()", "new/Shapes.seed=1"]
    cli.evaluate(str(run), ["testchannel"], [*grid, *other, "new/Shapes.projection_seed=0"])
    assert "shapes_1, test split" in capsys.readouterr().out
    (row,) = read_json_lines(str(run / "eval" / "testchannel.shapes_1.jsonl"), "")
    assert (row["data"], row["games"], row["inputs"]) == ("shapes_1", 4992, 4992)
    # In a test of several, the other ones do not know the binding.
    cli.evaluate(str(run), ["testchannel", "testlanguage"], [*grid, *other, "new/Shapes.projection_seed=0"])
    assert read_json_lines(str(run / "eval" / "testchannel.shapes_1.jsonl"), "") == [row]
    assert (run / "eval" / "testlanguage.jsonl").exists()
    with pytest.raises(UserError, match="TestChannel.data is shapes_pixels, whose inputs have 3072 features"):
        cli.evaluate(str(run), ["testchannel"], [*grid, "TestChannel.data=@ShapesPixels()"])
