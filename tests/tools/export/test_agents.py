"""Tests of an export against the same tests of its run: all files of results are equal."""

import json
import os
import shutil

import pytest

from tests import commands
from tf_emcom import cli
from tf_emcom.errors import UserError
from tf_emcom.files import read_json_lines

GIN = commands.ROOT / "gin"
GRID = ("candidates=(16,)", "passes=1")
TESTS = {
    "testchannel": (*(f"TestChannel.{p}" for p in GRID), "TestChannel.noises=[0.0, 0.5]"),
    "testmessage": (*(f"TestMessage.{p}" for p in GRID),),
    "testinput": (*(f"TestInput.{p}" for p in GRID),),
    "testtopsim": ("TestTopsim.passes=1",),
    "testlanguage": (),
    "testnaming": ("TestNaming.passes=1",),
    "test": (*(f"Test.{p}" for p in GRID), "Test.noises=[0.0, 0.5]"),
}
SMALL = (*commands.TINY, "message_length=3")
NEW_LISTENER = ("listener/LstmCore.units=8", "MultiMlp.size=8", "Cpc.size=8", "steps=4", "Log.every=2")
TRANSFER = (*NEW_LISTENER, "Checkpoint.every=2", "games=16", "games_of_many=32", "ImageDecoder.first_channels=4")
# Name → gin files, bindings, and the tests of such a run.
RUNS = {
    "a population of messages that end": (
        ["lg_s_digits.gin"],
        (*SMALL, "n_speakers=2", "n_listeners=2", "Speaker.grammar=@EndSymbol()"),
        ("testchannel", "testmessage", "testinput", "testtopsim", "testlanguage"),
    ),
    "independent pairs": (["nlg_digits.gin"], (*SMALL, "seeds=2", "seed=3"), ("testchannel",)),
    "half precision": (
        ["nlg_digits.gin"],
        (*SMALL, 'precision="mixed_bfloat16"', "OneDevice.jit_compile=False"),
        ("testchannel",),
    ),
    "naming": (["naming_digits.gin"], (*SMALL, "MultiMlp.size=8", "n_listeners=2"), ("testnaming",)),
    "classification": (["etl_digits.gin", "tasks/classification.gin"], TRANSFER, ("test",)),
    "discriminationdist": (["etl_digits.gin", "tasks/discriminationdist.gin"], TRANSFER, ("test",)),
    "reconstruction": (
        ["etl_digits.gin", "tasks/reconstruction.gin"],
        (*TRANSFER, "ImageDecoder.channels=(4,)"),
        ("test",),
    ),
}


@pytest.fixture(scope="module")
def speaker(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "speaker"
    cli.run([str(GIN / "nlg_digits.gin")], [*SMALL, "vocab_size=7"], str(run))
    return run


def train(run, name, speaker):
    files, params, _ = RUNS[name]
    params = [*params, *([f"checkpoint={str(speaker)!r}"] if files[0].startswith("etl") else [])]
    cli.run([str(GIN / file) for file in files], params, str(run), allow_unused=True)


def evaluated(where, tests, **given):
    for test in tests:
        cli.evaluate(str(where) if where else None, [test], TESTS[test], **given)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_every_test_of_an_export_has_the_same_results_as_of_the_run(name, speaker, tmp_path):
    train(tmp_path / "run", name, speaker)
    tests = RUNS[name][2]
    evaluated(tmp_path / "run", tests)
    cli.evaluate(str(tmp_path / "run"), ["export"], [f"Export.out={str(tmp_path / 'export')!r}"])
    wanted = commands.snapshot(tmp_path / "run" / "eval")
    # Written during the training of a transfer run.
    wanted.pop("ease_of_learning.jsonl", None)
    assert set(wanted) == {f"{test}.jsonl" for test in tests}
    # The export needs nothing of the run.
    shutil.rmtree(tmp_path / "run")
    evaluated(None, tests, saved_model=str(tmp_path / "export"))
    assert commands.snapshot(tmp_path / "export" / "eval") == wanted


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A run and its export, to be read only."""
    run = tmp_path_factory.mktemp("runs") / "run"
    cli.run([str(GIN / "nlg_digits.gin")], SMALL, str(run))
    cli.evaluate(str(run), ["export"], [])
    return run, run / "export" / "saved_model"


@pytest.mark.slow
def test_results_go_to_the_workdir_where_there_is_one(exported, tmp_path):
    _, export = exported
    before = commands.snapshot(export)
    evaluated(tmp_path / "results", ["testtopsim"], saved_model=str(export))
    assert set(commands.snapshot(tmp_path / "results")) == {"eval/testtopsim.jsonl"}
    assert commands.snapshot(export) == before


def measured(folder):
    """The rows of testlanguage, without the checksum of the weights, which an export knows from its metadata."""
    rows = read_json_lines(str(folder / "eval" / "testlanguage.jsonl"), "")
    return [{name: value for name, value in row.items() if name != "weights"} for row in rows]


@pytest.mark.slow
def test_results_come_from_the_exported_functions(exported, tmp_path):
    """Results change with the variables of the SavedModel; the run's own checkpoint is not used."""
    run, export = exported
    shutil.copytree(export, tmp_path / "export")
    other = tmp_path / "other"
    cli.run([str(GIN / "nlg_digits.gin")], [*SMALL, "seed=9"], str(other))
    cli.evaluate(str(other), ["export"], [])
    for part in (other / "export" / "saved_model" / "variables").iterdir():
        shutil.copy(part, tmp_path / "export" / "variables" / part.name)
    (tmp_path / "export" / "checksums.json").unlink()
    evaluated(None, ["testlanguage"], saved_model=str(tmp_path / "export"))
    evaluated(other, ["testlanguage"])
    found = measured(tmp_path / "export")
    assert found == measured(other)
    evaluated(tmp_path / "results", ["testlanguage"], saved_model=str(export))
    assert found != measured(tmp_path / "results")


REFUSED = {
    "another split of the data": (["Digits.split_seed=5"], "another configuration"),
    "another run's checkpoint": (["checkpoint={run!r}"], "another configuration"),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_another_configuration_is_refused(exported, tmp_path, mistake):
    run, export = exported
    params, sentence = REFUSED[mistake]
    params = [param.format(run=str(run)) for param in params]
    with pytest.raises(UserError, match=sentence):
        cli.evaluate(str(tmp_path / "results"), ["testtopsim"], params, saved_model=str(export))


def test_an_export_is_not_exported_or_trained_again(exported, tmp_path):
    _, export = exported
    out = f"Export.out={str(tmp_path / 'again')!r}"
    with pytest.raises(UserError, match="use the run that was exported"):
        cli.evaluate(None, ["export"], [out], saved_model=str(export))
    assert not (tmp_path / "again").exists()


def test_a_folder_that_is_no_export_is_refused(exported, tmp_path):
    run, export = exported
    for folder in (tmp_path, run, tmp_path / "nowhere"):
        with pytest.raises(UserError, match="There is no export of a run in .*tf-emcom export --workdir=RUN"):
            cli.evaluate(None, ["testtopsim"], [], saved_model=str(folder))
    broken = shutil.copytree(export, tmp_path / "broken")
    (broken / "saved_model.pb").write_bytes((broken / "saved_model.pb").read_bytes()[:1000])
    with pytest.raises(UserError, match="broken/saved_model.pb is damaged .its checksum is"):
        cli.evaluate(None, ["testtopsim"], [], saved_model=str(broken))
    # Exports of older versions have no checksums.
    (broken / "checksums.json").unlink()
    with pytest.raises(UserError, match="The SavedModel in .* is damaged"):
        cli.evaluate(None, ["testtopsim"], [], saved_model=str(broken))


@pytest.mark.parametrize("name", ["assets/config.gin", "variables/variables.index", "fingerprint.pb", "checksums.json"])
def test_the_file_of_a_changed_bit_is_named(name, exported, tmp_path):
    copy = shutil.copytree(exported[1], tmp_path / "copy")
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 3] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name}.* is damaged") as refused:
        cli.evaluate(None, ["testtopsim"], [], saved_model=str(copy))
    assert "tf-emcom export --workdir=RUN" in str(refused.value)
    (copy / name).unlink()
    if name != "checksums.json":
        with pytest.raises(UserError, match=f"{name} cannot be read"):
            cli.evaluate(None, ["testtopsim"], [], saved_model=str(copy))
        os.mkfifo(copy / name)
        with pytest.raises(UserError, match=f"{name} is no regular file"):
            cli.evaluate(None, ["testtopsim"], [], saved_model=str(copy))


def test_data_with_other_features_are_refused(exported, tmp_path):
    _, export = exported
    changed = shutil.copytree(export, tmp_path / "changed")
    text = (changed / "assets" / "config.gin").read_text()
    (changed / "assets" / "config.gin").write_text(text.replace("@Digits()", "@RandomFeatures()").partition("\n")[2])
    (changed / "checksums.json").unlink()
    with pytest.raises(UserError, match="take inputs of 64 features, but the data set has"):
        cli.evaluate(None, ["testtopsim"], [], saved_model=str(changed))


def test_metadata_describe_the_run(exported):
    run, export = exported
    found = json.loads((export / "assets" / "metadata.json").read_text())
    last = read_json_lines(str(run / "metrics.jsonl"), "")[-1]
    assert (found["metrics"], found["step"], found["data"], found["seeds"]) == (last, 4, "digits", [0])
    assert (export / "assets" / "config.gin").read_text() == (run / "config.gin").read_text()
