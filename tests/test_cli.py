"""What a run's folder keeps, and what is refused, in this process: `tests/test_commands.py` starts real ones."""

import os
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests import commands, feature_folders
from tf_emcom import cli
from tf_emcom.errors import UserError
from tf_emcom.files import read_json_lines

DIGITS = [str(commands.ROOT / "gin" / "nlg_digits.gin")]
TEST = ["TestChannel.passes=1", "TestChannel.candidates=(16,)"]


def train(run, *params, gin_files=DIGITS, **flags):
    cli.run(gin_files, [*commands.TINY, *params], str(run), **flags)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A trained run; tests copy it."""
    run = tmp_path_factory.mktemp("runs") / "trained"
    train(run)
    return run


@pytest.fixture
def copy(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "copy")


def logged(run):
    return read_json_lines(str(run / "metrics.jsonl"), "")


@pytest.mark.slow
def test_bindings_after_a_runs_own_config_take_effect(trained, tmp_path):
    params = ["steps=1", "Erasure.probability=0.3", "SpeakerReinforce.kl_coefficient=0.2"]
    cli.run([str(trained / "config.gin")], params, str(tmp_path / "run"))
    assert logged(tmp_path / "run")[-1]["noise"] == pytest.approx(0.3)
    assert "SpeakerReinforce.kl_coefficient = 0.2" in (tmp_path / "run" / "config.gin").read_text()


@pytest.mark.slow
def test_a_run_moves_with_its_data(tmp_path):
    old, new, run = tmp_path / "old", tmp_path / "new", tmp_path / "run"
    feature_folders.write_byol_folder(old, examples={"train": 16, "valid": 16, "test": 16}, features=8)
    imagenet = [str(commands.ROOT / "gin" / "nlg_imagenet.gin")]
    train(run, "batch_size=8", gin_files=imagenet, data_dir=str(old))
    old.rename(new)
    train(run, "batch_size=8", gin_files=imagenet, data_dir=str(new))
    cli.evaluate(str(run), ["testchannel"], TEST, str(new))
    assert (run / "eval" / "testchannel.jsonl").exists()


@pytest.mark.parametrize("damage", ["missing", "garbled"])
def test_checkpoints_are_found_without_the_file_that_lists_them(copy, damage, capsys):
    listing = copy / "checkpoints" / "checkpoint"
    listing.unlink() if damage == "missing" else listing.write_text("model_checkpoint_path: \x00\n")
    train(copy)
    assert "is trained: 4 of 4" in capsys.readouterr().out


@pytest.mark.slow
def test_the_checkpoint_before_is_used_once_the_newest_is_removed(copy, capsys):
    for part in (copy / "checkpoints").glob("ckpt-4.*"):
        part.unlink()
    train(copy)
    assert "Going on from step 2 of 4" in capsys.readouterr().out
    assert [row["step"] for row in logged(copy)] == [2, 4]


@pytest.mark.slow
def test_a_test_of_another_runs_checkpoint_leaves_results_in_its_own_folder_again_and_again(trained, tmp_path):
    params = ['mode="testchannel"', f"checkpoint={str(trained)!r}", *TEST]
    for _ in range(2):
        train(tmp_path / "results", *params)
    assert set(commands.snapshot(tmp_path / "results")) == {"eval/testchannel.jsonl", "figures/testchannel.png"}


@pytest.mark.parametrize("other", ["Digits.split_seed=5", "message_length=4", "Listener.head_cls=@Cpc"])
def test_a_checkpoint_of_other_agents_or_other_data_is_refused(trained, tmp_path, other):
    params = ['mode="testchannel"', f"checkpoint={str(trained)!r}", other]
    with pytest.raises(UserError, match="another configuration"):
        train(tmp_path / "results", *params)


def test_a_test_does_not_care_how_long_the_run_was_trained(trained, tmp_path):
    train(tmp_path / "r", 'mode="testchannel"', f"checkpoint={str(trained)!r}", "steps=9", "Log.every=3", *TEST)


def test_two_processes_do_not_train_in_one_folder(copy):
    import fcntl

    (copy / "checkpoints" / "ckpt-4.index").unlink()
    with open(copy / ".lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        before = commands.snapshot(copy)
        with pytest.raises(UserError, match="Another process is training"):
            train(copy)
        assert commands.snapshot(copy) == before


def test_a_run_that_has_nothing_yet_keeps_its_configuration_from_another_process(tmp_path):
    import fcntl

    run = tmp_path / "run"
    run.mkdir()
    (run / "config.gin").write_text("batch_size = 7\n")
    with open(run / ".lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="Another process is training"):
            train(run)
    assert (run / "config.gin").read_text() == "batch_size = 7\n"


@pytest.mark.slow
def test_weights_that_are_no_numbers_are_not_saved(tmp_path):
    with pytest.raises(UserError, match="not finite"):
        # Nothing looks at the losses.
        actions = "Train.actions=[@Log(), @Checkpoint()]"
        train(tmp_path / "run", "steps=2", "speaker/Adam.learning_rate=3e38", actions)
    assert not list(tmp_path.rglob("ckpt-*"))


@pytest.mark.slow
def test_training_starts_from_the_agents_of_a_checkpoint(trained, tmp_path):
    rates = ("speaker/Adam.learning_rate=0.0", "listener/Adam.learning_rate=0.0")
    train(tmp_path / "run", f"checkpoint={str(trained)!r}", "steps=1", "seed=9", *rates)
    ours, theirs = (tf.train.load_checkpoint(str(run / "checkpoints")) for run in (tmp_path / "run", trained))
    names = [name for name in ours.get_variable_to_shape_map() if re.match("(speaker|listener)/", name)]
    assert len(names) >= 15
    for name in names:
        np.testing.assert_array_equal(ours.get_tensor(name), theirs.get_tensor(name), err_msg=name)


def test_a_test_that_fails_does_not_keep_the_others_from_being_done(copy, capsys):
    modes, given = ["testtopsim", "testlanguage"], [*TEST, "TestTopsim.split='nowhere'"]
    with pytest.raises(UserError, match=r"^1 of 2 tests failed \(testtopsim\); the others are done"):
        cli.evaluate(str(copy), modes, given)
    assert re.search("^Error in testtopsim: .*nowhere", capsys.readouterr().err, re.MULTILINE)
    assert (copy / "eval" / "testlanguage.jsonl").exists() and not (copy / "eval" / "testtopsim.jsonl").exists()


def test_training_is_no_test(trained):
    with pytest.raises(UserError, match="no test 'train'"):
        cli.evaluate(str(trained), ["train"], [])


BAD_VALUES = [
    'noise="a"',
    "noise=None",
    "game=@Erasure()",
    "data=None",
    "data=@Digits",
    "nlg/Game.channel=@Substitution",
    "Speaker.core_cls=@speaker/GruCore()",
    "Speaker.head_cls=@Cpc",
    "Train.changes=[@Log()]",
    "Train.changes=[@Reset()]",
    "Train.changes=[@Imitation()]",
    "Train.actions=@Log()",
    "Train.actions=[@Log]",
    'speaker/Adam.learning_rate="abc"',
    "speaker/Adam.learning_rate=-1.0",
    "Learner.target_decay=2.0",
    "Digits.split_seed=1.5",
    "speaker/LstmCore.units=0",
    'NormMergePolicyValue.activation="tanhh"',
    "Speaker.embedding_size=0",
    "Speaker.vocab_size=50",
    "checkpoint='a\\x00b'",
]


@pytest.mark.parametrize("bad", BAD_VALUES)
def test_a_value_of_the_wrong_kind_is_a_users_mistake(tmp_path, bad):
    with pytest.raises(UserError) as raised:
        train(tmp_path / "run", bad)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("bad", ["candidates=16", "noises=()", "noises=0.5", "seed=-1", 'split="tset"'])
def test_a_bad_grid_is_refused(copy, bad):
    with pytest.raises(UserError):
        cli.evaluate(str(copy), ["testchannel"], [f"TestChannel.{bad}"])


def test_a_workdir_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be made"):
        train(tmp_path / "file" / "run")


def test_a_workdir_that_is_no_folder_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    for name, said in (("file", "no folder"), ("pipe", "no folder"), ("link", "a link to nowhere, where no folder is")):
        for act in (train, lambda path: cli.evaluate(str(path), ["testchannel"], [])):
            with pytest.raises(UserError) as raised:
                act(tmp_path / name)
            assert str(raised.value) == f"The workdir {tmp_path / name} is {said}; name another --workdir."


@pytest.mark.slow
def test_a_relative_folder_of_data_is_kept_as_an_absolute_one(tmp_path, monkeypatch):
    examples = {"train": 16, "valid": 16, "test": 16}
    feature_folders.write_byol_folder(tmp_path / "here" / "data", examples=examples, features=8)
    imagenet = [str(commands.ROOT / "gin" / "nlg_imagenet.gin")]
    monkeypatch.chdir(tmp_path / "here")
    train(tmp_path / "run", "batch_size=8", "ByolFolder.cache_dir='cache'", gin_files=imagenet, data_dir="data")
    text = (tmp_path / "run" / "config.gin").read_text().replace("\\\n", "")
    for name, folder in (("data_dir", "data"), ("cache_dir", "cache")):
        assert re.search(rf"ByolFolder.{name} =\s+'{tmp_path / 'here' / folder}'", text)
    monkeypatch.chdir(tmp_path)
    cli.evaluate("run", ["testchannel"], [*TEST, f"ByolFolder.cache_dir={str(tmp_path / 'cache')!r}"])
    with pytest.raises(UserError, match="binds ByolFolder.cache_dir to .* no path in that folder"):
        cli.evaluate("run", ["testchannel"], TEST)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("Game.listener_policy=@EpsilonGreedy()", "did you mean nlg/Game.listener_policy?"),
        ("EpsilonGreedy.epsilon=0.2", "no EpsilonGreedy is built here: bind it where it is to be used, as in"),
    ],
)
def test_a_binding_that_nothing_uses_is_refused_before_anything_is_written(tmp_path, given, said):
    with pytest.raises(UserError) as raised:
        train(tmp_path / "run", given)
    assert str(raised.value).startswith(f"--gin_param {given}: nothing here uses ") and said in str(raised.value)
    assert str(raised.value).endswith(" add --allow_unused.") and not (tmp_path / "run").exists()


def test_a_damaged_line_of_metrics_is_an_error(copy):
    (copy / "checkpoints" / "ckpt-4.index").unlink()
    (copy / "metrics.jsonl").write_text("{}\n")
    with pytest.raises(UserError, match="metrics.jsonl has a line"):
        train(copy)


def test_a_binding_of_a_test_that_does_not_run_is_noted(copy, capsys):
    others = ["TestTopsim.split='test'", "tests.test_language.TestLanguage.seed=2"]
    cli.evaluate(str(copy), ["testchannel"], [*TEST, *others])
    said = capsys.readouterr().err
    assert said.count("Note: ") == 2
    assert (
        "Note: --gin_param TestTopsim.split='test' has no effect, since this command does not run testtopsim; add"
        " --mode=testtopsim, or leave the binding out.\n"
    ) in said


@pytest.mark.slow
def test_a_run_of_the_time_when_a_parameter_had_another_name_is_tested_and_resumed(tmp_path, capsys):
    run = tmp_path / "run"
    train(run, "Speaker.articulation=@Drawn()")
    text = (run / "config.gin").read_text().partition("\n")[2]
    assert text.count("Speaker.sampler = @Drawn()") == 1 and "articulation" not in text
    (run / "config.gin").write_text(text.replace("Speaker.sampler", "Speaker.articulation"))
    cli.evaluate(str(run), ["testchannel"], TEST)
    for file in (run / "checkpoints").glob("ckpt-4.*"):
        file.unlink()
    train(run, "Speaker.sampler=@Drawn()")
    assert [row["step"] for row in logged(run)] == [2, 4]
    assert "from step 2 of 4 in" in capsys.readouterr().out
