"""A run's folder may come from somebody else: reading it runs no code, and reaches no file outside of it."""

import shutil
import sys

import pytest

from tests import commands
from tf_emcom import cli, files
from tf_emcom.errors import UserError
from tf_emcom.runtime import catalogue, config, config_checks, gin_tables
from tf_emcom.training.trained_speaker import TrainedSpeaker

DIGITS = str(commands.ROOT / "gin" / "nlg_digits.gin")
TEST = ["TestChannel.passes=1", "TestChannel.candidates=(16,)", "TestChannel.noises=(0.0,)"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "trained"
    cli.run([DIGITS], [*commands.TINY, "steps=2"], str(run))
    cli.evaluate(str(run), ["export"], [])
    return run


@pytest.fixture
def copy(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "copy")


@pytest.fixture
def payload(tmp_path, monkeypatch):
    """The name of a module on the path that leaves a file behind when it is imported, and that file."""
    name, mark = f"payload_{tmp_path.name.replace('-', '_')}", tmp_path / "it_ran"
    (tmp_path / "modules" / name).mkdir(parents=True)
    (tmp_path / "modules" / name / "__init__.py").write_text("")
    (tmp_path / "modules" / name / "part.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    yield f"{name}.part", mark
    for module in (name, f"{name}.part"):
        sys.modules.pop(module, None)


def add(run, *lines, file="config.gin"):
    text = (run / file).read_text()
    (run / file).write_text("\n".join([*lines, text]))
    return run


def refusal(function, *arguments, **named):
    with pytest.raises(UserError) as raised:
        function(*arguments, **named)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.slow
def test_a_run_imports_nothing_unless_that_is_allowed(copy, payload):
    module, mark = payload
    add(copy, f"import {module}")
    said = refusal(cli.evaluate, str(copy), ["testchannel"], TEST)
    assert said.endswith(f"add --allow_imports={module.partition('.')[0]}.")
    assert not mark.exists() and not (copy / "eval").exists()
    # Another module whose name begins alike allows nothing.
    almost = {"allow_imports": [module[:-1], module.partition(".")[0][:-1]]}
    assert "may not import" in refusal(cli.evaluate, str(copy), ["testchannel"], TEST, **almost)
    assert not mark.exists()
    cli.evaluate(str(copy), ["testchannel"], TEST, allow_imports=["my_lab", module.partition(".")[0]])
    assert mark.exists() and (copy / "eval" / "testchannel.jsonl").exists()


@pytest.mark.parametrize("line", ["import antigravity", "import unittest.__main__", "from this import s as zen"])
def test_modules_of_python_are_not_imported_either(copy, line):
    add(copy, line)
    assert "may not import" in refusal(cli.evaluate, str(copy), ["testchannel"], TEST)
    assert not {"antigravity", "unittest.__main__", "this"} & set(sys.modules)


@pytest.mark.slow
def test_a_users_own_gin_file_may_import_also_where_it_lies_in_a_run(copy, tmp_path, payload):
    module, mark = payload
    add(copy, f"import {module}")
    cli.run([str(copy / "config.gin")], ["steps=1"], str(tmp_path / "again"))
    assert mark.exists()


def test_a_speaker_of_another_run_imports_nothing(copy, tmp_path, payload):
    module, mark = payload
    add(copy, f"import {module}")
    assert "may not import" in refusal(TrainedSpeaker(str(copy)).speaker, 64)
    gin_files = [str(commands.ROOT / "gin" / "etl_digits.gin")]
    given = [f"checkpoint={str(copy)!r}", "listener/LstmCore.units=8", "MultiMlp.size=8", "games=16", "steps=1"]
    assert "may not import" in refusal(cli.run, gin_files, given, str(tmp_path / "new"))
    assert not mark.exists() and not (tmp_path / "new").exists()


def test_an_export_imports_nothing_and_brings_no_agents_of_its_own(copy, tmp_path, payload):
    module, mark = payload
    saved_model = copy / "export" / "saved_model"
    add(saved_model, f"import {module}", file="assets/config.gin")
    files.write_checksums(str(saved_model))
    said = refusal(cli.evaluate, str(tmp_path / "results"), ["testchannel"], TEST, saved_model=str(saved_model))
    assert "may not import" in said and not mark.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "Experiment.learner_cls = @ExportedAgents",
        "Experiment.learner_cls = @any/scope/ExportedTransfer",
        "Experiment.data = [{'a': (@TfdsSplit(), @ColumnWriter())}]",
        "Experiment.data = @Tpu()",
        "Speaker.core_cls = {'class_name': 'TFSMLayer', 'module': 'keras.layers', 'config': {'filepath': 'x'}}",
    ],
)
def test_a_run_builds_nothing_that_loads_programs_or_reaches_machines(copy, line):
    (copy / "config.gin").write_text(f"\n{(copy / 'config.gin').read_text()}\n{line}\n")
    assert "a run's configuration may not" in refusal(cli.evaluate, str(copy), ["testchannel"], TEST)


def test_a_run_includes_no_file(copy, tmp_path):
    (tmp_path / "secret.txt").write_text("the first line of a secret\n")
    add(copy, f"include '{tmp_path / 'secret.txt'}'")
    said = refusal(cli.evaluate, str(copy), ["testchannel"], TEST)
    assert "may not include" in said and "first line" not in said


@pytest.mark.parametrize(("mode", "binding"), [("messages", "Messages.out"), ("export", "Export.out")])
def test_a_run_writes_nothing_elsewhere(copy, tmp_path, mode, binding):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("years of work")
    (copy / "out").symlink_to(tmp_path / "thesis")
    for place in (tmp_path / "new", copy / "out" / "new", "new"):
        text = (copy / "config.gin").read_text()
        add(copy, f"somewhere = {str(place)!r}", f"{binding} = %somewhere")
        said = refusal(cli.evaluate, str(copy), [mode], [])
        assert f"binds {binding} to {str(place)!r}" in said and f"--gin_param='{binding}=\"{place}\"'" in said
        (copy / "config.gin").write_text(text)
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["thesis.tex"]
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_a_run_lends_no_weights_from_elsewhere(copy, trained):
    shutil.rmtree(copy / "checkpoints")
    text = (copy / "config.gin").read_text()
    assert "TestChannel.checkpoint = %checkpoint" in text
    (copy / "config.gin").write_text(f"\n{text}\nTestChannel.checkpoint = {str(trained)!r}\n")
    assert "which is no path in that folder" in refusal(cli.evaluate, str(copy), ["testchannel"], TEST)
    # The command line may say so.
    cli.evaluate(str(copy), ["testchannel"], [*TEST, f"TestChannel.checkpoint={str(trained)!r}"])


@pytest.mark.parametrize(
    ("lines", "given", "refused"),
    [
        (["ByolFolder.data_dir = '/data'"], [], False),
        (["ByolFolder.cache_dir = '/cache'"], [], True),
        (["ByolFolder.cache_dir = None"], [], False),
        (["ByolFolder.cache_dir = '/cache'"], ["ByolFolder.cache_dir='/cache'"], False),
        (["place = '/cache'", "ByolFolder.cache_dir = %place"], ["place='/cache'"], False),
        (["place = '/cache'", "ByolFolder.cache_dir = %place"], ["ByolFolder.cache_dir=%place"], True),
        (["place = '/cache'", "ByolFolder.cache_dir = @place/macro()"], [], True),
        (["place/macro.value = '/cache'", "ByolFolder.cache_dir = @place/macro()"], [], True),
        (["any/scope/ByolFolder.cache_dir = '/cache'"], [], True),
        (["ByolFolder.cache_dir = '{run}/cache'"], [], False),
        (["ByolFolder.cache_dir = '{run}/../cache'"], [], True),
        (["ByolFolder.cache_dir = '{run}_2/cache'"], [], True),
        (["ByolFolder.cache_dir = 'gs://bucket/cache'"], [], True),
        (["ByolFolder.cache_dir = @Digits()"], [], True),
        (["Train.checkpoint = '/speakers/run'"], [], False),
        (["TrainedSpeaker.run = '/speakers/run'"], [], True),
    ],
)
def test_paths_of_a_run_stay_in_its_folder(tmp_path, lines, given, refused):
    catalogue.register_components()
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.gin").write_text("\n".join(lines).replace("{run}", str(run)))
    bindings = config.load([str(run / "config.gin")], given, comes_with_run=True)
    if refused:
        assert "which is no path in that folder" in refusal(config_checks.refuse_outside, str(run), bindings, {"Train"})
    else:
        config_checks.refuse_outside(str(run), bindings, {"Train"})


def test_paths_of_a_run_on_cloud_storage_stay_there(tmp_path):
    catalogue.register_components()
    for path, inside in (("gs://b/run/x", True), ("gs://b/run2/x", False), ("gs://b/run/../x", False), ("/x", False)):
        (tmp_path / "config.gin").write_text(f"Messages.out = {path!r}")
        config.load([str(tmp_path / "config.gin")], [], comes_with_run=True)
        if inside:
            config_checks.refuse_outside("gs://b/run", [], ())
        else:
            refusal(config_checks.refuse_outside, "gs://b/run", [], ())


# Texts that are no paths; a new parameter goes here, or into config_checks.PATHS.
TEXTS = {"activation", "data_dir", "format", "kind", "label", "name", "precision", "split", "stored_as", "which"}
TEXTS |= {"by", "measure", "over", "sentence", "source", "table"}  # of a claim
TEXTS |= {"kept_as"}  # part of a file's name, and no more of a path


def test_every_parameter_that_takes_a_text_is_known_to_be_a_path_or_none():
    catalogue.register_components()
    texts = set()
    for entry in gin_tables.components():
        if entry.wrapped.__module__.startswith("tf_emcom."):
            known, _ = catalogue.parameters(entry.wrapped)
            texts |= {name for name, each in known.items() if each.annotation in (str, str | None)}
    assert texts - config_checks.PATHS == TEXTS
    assert {"checkpoint", "out", "run", "saved_model", "cache_dir"} <= texts


def test_what_is_loaded_or_reached_as_soon_as_it_is_built_is_apart():
    catalogue.register_components()
    apart = {entry.name for entry in gin_tables.components() if config_checks.is_apart(entry.wrapped)}
    assert {"ExportedAgents", "ExportedTransfer", "Tpu", "MultiWorker", "ColumnWriter", "Train"} <= apart
    assert not {"Digits", "ByolFolder", "Speaker", "Learner", "TrainedSpeaker", "Adam", "Log"} & apart
