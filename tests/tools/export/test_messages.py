"""From a run to a corpus and back, in this process and in real ones."""

import functools
import hashlib
import json
import os
import signal
import sys

import numpy as np
import pytest

from tests import commands, lewis
from tests.evaluation.tests import meanings
from tf_emcom import cli
from tf_emcom.agents.grammar import EndSymbol
from tf_emcom.agents.heads.listener import Cpc
from tf_emcom.agents.heads.prediction import MultiMlp
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.recurrent import LstmCore
from tf_emcom.agents.speaker import Speaker
from tf_emcom.errors import UserError
from tf_emcom.evaluation.corpora.analysis import analyse
from tf_emcom.evaluation.corpora.corpus import Corpus
from tf_emcom.games.channels import Clear
from tf_emcom.games.lewis import Game
from tf_emcom.games.losses import ListenerClassification
from tf_emcom.games.tasks import Naming
from tf_emcom.tools.export.messages import Messages
from tf_emcom.training.learner import Learner
from tf_emcom.training.optimizers import Adam
from tf_emcom.training.populations.independent_pairs import IndependentPairs
from tf_emcom.types import Message

ALL = ("label", "attributes", "factors")


def recorded(path, data=None, learner_cls=meanings.pair, game=None, **settings):
    experiment, folder = meanings.untrained_run(path / "run", data or meanings.Meanings(), learner_cls, game)
    Messages(**settings).run(experiment, folder)
    return experiment, Corpus(f"{folder.path}/corpora/test")


def pair_with(head_cls, grammar):
    def make(game, features, batch_size, seed):
        speaker = functools.partial(Speaker, 7, 4, core_cls=functools.partial(LstmCore, 8), grammar=grammar)
        listener = functools.partial(Listener, 7, core_cls=functools.partial(LstmCore, 9), head_cls=head_cls)
        return Learner(game, speaker, listener, Adam, Adam, features, batch_size, seed)

    return make


def test_a_corpus_has_the_labels_of_its_examples_and_says_where_it_comes_from(tmp_path, capsys):
    experiment, corpus = recorded(tmp_path, meanings.Meanings(labels=ALL), noise=0.5, candidates=20, seed=3)
    found, labels = corpus.columns(), experiment.data.examples.labels
    for name in ALL:
        np.testing.assert_array_equal(found[name], labels[name][found["id"]])
        assert found[name].dtype == labels[name].dtype
    about = corpus.manifest
    assert (about.data, about.split, about.examples, about.count, about.step) == ("meanings", "test", 60, 60, 3)
    assert (about.vocab_size, about.message_length, about.unknown, about.end_symbol) == (7, 4, 7, None)
    assert about.channel == "Erasure"
    assert (about.noise, about.candidates, about.seed, about.pairs) == (0.5, 20, 3, [[0, 0]])
    assert about.formats == ["parquet", "jsonl", "numpy"]
    right = f"accuracy {found['success'].mean():.4f} among 20 candidates"
    assert f"60 messages about the test split, step 3, noise 0.5 (Erasure); {right}" in capsys.readouterr().out


def test_every_speaker_plays_with_its_first_listener(tmp_path):
    experiment, corpus = recorded(tmp_path, learner_cls=meanings.population(3, 2))
    found = corpus.columns()
    assert corpus.manifest.pairs == [[0, 0], [1, 0], [2, 0]]
    assert found["speaker"].tolist() == [0] * 60 + [1] * 60 + [2] * 60
    for speaker in range(3):
        mine = found["speaker"] == speaker
        assert sorted(found["id"][mine].tolist()) == list(range(60))
        said = experiment.learner.speaker_as(speaker).greedy(experiment.data.examples.inputs).symbols.numpy()
        np.testing.assert_array_equal(found["symbols"][mine], said[found["id"][mine]])


def test_agents_can_be_chosen(tmp_path):
    _, corpus = recorded(tmp_path, learner_cls=meanings.population(3, 2), speakers=[2, 0], listeners=[1, 0])
    assert corpus.manifest.pairs == [[2, 1], [2, 0], [0, 1], [0, 0]]
    found = corpus.columns()
    assert list(zip(found["speaker"][::60].tolist(), found["listener"][::60].tolist(), strict=True)) == [
        (2, 1),
        (2, 0),
        (0, 1),
        (0, 0),
    ]


def test_speakers_of_independent_runs_have_the_seeds_of_their_training(tmp_path):
    independent = functools.partial(IndependentPairs, learner_cls=meanings.pair, seeds=2)
    _, corpus = recorded(tmp_path, learner_cls=independent)
    assert corpus.manifest.pairs == [[0, 0], [1, 1]]
    assert corpus.manifest.training_seeds == {"0": 0, "1": 1}


@pytest.mark.parametrize("label", ["label", "factors"])
def test_the_choice_of_a_naming_game_is_the_classes_that_are_told(tmp_path, label):
    old = lewis.lg_s()
    rules = Game(Clear(), Naming(2, label), old.listener_policy, old.reward, old.speaker_loss, ListenerClassification())
    classes = {"label": 1, "factors": 2}[label]
    make = pair_with(functools.partial(MultiMlp, classes, 2, 8), EndSymbol())
    data = meanings.Meanings(labels=ALL)
    experiment, corpus = recorded(tmp_path, data, make, rules, noise=0.3, labels=["attributes"])
    found, targets = corpus.columns(), data.examples.labels[label]
    logits = experiment.learner.listener.predictions(Message(found["received"])).numpy()
    np.testing.assert_array_equal(found["choice"], logits.argmax(axis=-1).reshape(targets.shape))
    right = (found["choice"] == targets[found["id"]]).reshape(60, -1).mean(axis=1)
    np.testing.assert_allclose(found["success"], right)
    assert {"attributes", label} <= set(found) and corpus.manifest.candidates is None


def test_messages_that_end_keep_their_silence_in_columns_and_lose_it_in_lines(tmp_path):
    make = pair_with(functools.partial(Cpc, 6), EndSymbol(2))
    experiment, corpus = recorded(tmp_path, meanings.Meanings(300), make, noise=0.6)
    found = corpus.columns()
    silent = np.arange(4) > found["length"][:, np.newaxis]
    assert silent.any() and (found["symbols"][silent] == 2).all() and (found["received"][silent] == 2).all()
    with open(f"{corpus.path}/messages.jsonl") as file:
        lengths = [len(json.loads(line)) for line in file]
    assert lengths == np.minimum(found["length"] + 1, 4).tolist()
    np.testing.assert_array_equal(corpus.columns(written_as="jsonl")["symbols"], found["symbols"])
    assert corpus.manifest.end_symbol == 2


def test_a_split_smaller_than_64_is_one_group(tmp_path):
    _, corpus = recorded(tmp_path)
    assert corpus.manifest.candidates == 60


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"split": "tset"}, "no split 'tset'"),
        ({"formats": ["csv"]}, "no format of corpora 'csv': .*jsonl, numpy, parquet"),
        ({"formats": []}, "set it to a list"),
        ({"noise": 1.5}, "between 0 and 1"),
        ({"candidates": 1}, "2 or more"),
        ({"candidates": 61}, "has 60 examples"),
        ({"seed": -1}, "0 or more"),
        ({"speakers": [1]}, "the run has 1"),
        ({"listeners": 0}, "a list, each element a whole number"),
        ({"labels": ["colour"]}, "no label 'colour'"),
        ({"out": "gs://bucket/c"}, "local disk"),
    ],
    ids=str,
)
def test_bad_settings_are_refused_and_nothing_is_written(tmp_path, bad, sentence):
    with pytest.raises(UserError, match=sentence):
        recorded(tmp_path, **bad)
    assert not (tmp_path / "run" / "corpora").exists()


def test_a_label_that_is_called_as_a_column_is_refused(tmp_path):
    data = meanings.Meanings(labels=("label",))
    data.examples.labels["length"] = data.examples.labels["label"]
    with pytest.raises(UserError, match="a label 'length', which is also a column of every corpus"):
        recorded(tmp_path, data)


def test_an_absent_library_is_told_before_anything_is_computed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match="run pip install pyarrow"):
        recorded(tmp_path)
    _, corpus = recorded(tmp_path, formats=["jsonl", "numpy"])
    assert corpus.columns()["symbols"].shape == (60, 4)


def test_a_later_call_keeps_the_other_formats_of_the_same_messages(tmp_path, capsys):
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings())
    path = f"{folder.path}/corpora/test"
    Messages(formats=["parquet"]).run(experiment, folder)
    analyse(path)
    first = {**Corpus(path).columns(written_as="parquet")}
    analysis = (tmp_path / "run" / "corpora" / "test" / "analysis.jsonl").read_text()
    Messages(formats=["jsonl"]).run(experiment, folder)
    corpus = Corpus(path)
    assert corpus.manifest.formats == ["parquet", "jsonl"]
    assert "--format=parquet --format=jsonl" in corpus.manifest.command
    assert sorted(os.listdir(path)) == ["analysis.jsonl", "corpus.json", "corpus.parquet", "messages.jsonl"]
    for name, values in corpus.columns(written_as="parquet").items():
        np.testing.assert_array_equal(values, first[name])
    assert (tmp_path / "run" / "corpora" / "test" / "analysis.jsonl").read_text() == analysis
    assert "written as parquet, jsonl" in capsys.readouterr().out
    # Other messages are another corpus, and the older one goes as a whole.
    Messages(formats=["numpy"], noise=0.5).run(experiment, folder)
    assert sorted(os.listdir(path)) == ["corpus.json", "numpy"]
    said = capsys.readouterr().out
    assert "takes the place of a corpus of other messages: step 3, noise 0, as parquet, jsonl; with" in said


def test_the_corpus_of_another_run_is_left_alone(tmp_path):
    for name in ("one", "other"):
        experiment, folder = meanings.untrained_run(tmp_path / name, meanings.Meanings())
        folder.write_config(f"# {name}")
        if name == "one":
            Messages(out=str(tmp_path / "corpus"), formats=["jsonl"]).run(experiment, folder)
    before = commands.snapshot(tmp_path)
    with pytest.raises(UserError, match="corpus holds the corpus of another run, .*/one; name"):
        Messages(out=str(tmp_path / "corpus"), formats=["jsonl"]).run(experiment, folder)
    assert commands.snapshot(tmp_path) == before


def test_a_format_that_would_be_lost_for_want_of_its_library_is_told(tmp_path, monkeypatch):
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings())
    Messages(formats=["parquet"]).run(experiment, folder)
    before = commands.snapshot(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match="holds these messages as parquet, too, which would be lost; .* need pyarrow"):
        Messages(formats=["jsonl"]).run(experiment, folder)
    assert commands.snapshot(tmp_path) == before


def test_a_corpus_goes_to_a_path_with_patterns_and_its_damaged_description_is_replaced(tmp_path):
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings())
    out = tmp_path / "lr=[1e-3]*?"
    for _ in range(2):
        Messages(out=str(out)).run(experiment, folder)
        assert len(Corpus(str(out)).columns()["symbols"]) == 60
        assert analyse(str(out)) == str(out / "analysis.jsonl")
        (out / "corpus.json").write_text("{")


def test_a_run_without_a_checkpoint_is_told(tmp_path):
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings())
    for path in (tmp_path / "run" / "checkpoints").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="no checkpoint in .*; train first"):
        Messages().run(experiment, folder)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """A trained run with a corpus; nobody writes to it."""
    run = tmp_path_factory.mktemp("runs") / "speaker"
    cli.run(["gin/nlg_digits.gin"], [*commands.TINY, "vocab_size=7", "message_length=3"], str(run))
    cli.evaluate(str(run), ["messages"], [])
    return run


@pytest.mark.slow
@pytest.mark.parametrize(("task", "chooses"), [("discriminationdist", True), ("classification", False)])
def test_a_transfer_run_tells_its_speakers_messages_and_what_its_listener_chooses(spoken, tmp_path, task, chooses):
    given = ["listener/LstmCore.units=8", "MultiMlp.size=8", "Cpc.size=8", "steps=2", "games=16", "games_of_many=32"]
    given.append(f"checkpoint={str(spoken)!r}")
    cli.run(["gin/etl_digits.gin", f"gin/tasks/{task}.gin"], given, str(tmp_path / "run"), allow_unused=True)
    cli.evaluate(str(tmp_path / "run"), ["messages"], [])
    ours, theirs = Corpus(str(tmp_path / "run" / "corpora" / "test")), Corpus(str(spoken / "corpora" / "test"))
    np.testing.assert_array_equal(ours.columns()["symbols"], theirs.columns()["symbols"])
    assert ("choice" in ours.columns()) == chooses
    assert ours.manifest.candidates == (64 if chooses else None)
    config = (tmp_path / "run" / "config.gin").read_bytes()
    assert ours.manifest.config == hashlib.sha256(config).hexdigest()


@pytest.fixture(scope="module")
def killable(tmp_path_factory):
    """A trained run of three speakers, whose data can kill their reader."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "killable.gin").write_text(
        "import tests.killing_digits\ninclude 'gin/nlg_digits.gin'\nExperiment.data = @KillingDigits()\n"
    )
    params = [*commands.TINY, "n_speakers=3", "n_listeners=2"]
    cli.run([str(folder / "killable.gin")], params, str(folder / "run"))
    return folder / "run"


@pytest.mark.processes
def test_a_kill_leaves_a_corpus_that_is_refused_and_the_same_command_then_finishes_it(killable, capsys):
    given, path = (f"--workdir={killable}", "--noise=0.25", "--allow_imports=tests"), killable / "corpora" / "test"
    env = {"PYTHONPATH": str(commands.ROOT)}
    killed = commands.start("messages", *given, env={**env, "TF_EMCOM_TESTS_KILL_AT_READ": "5"}.items())
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not path.exists() and (killable / "corpora" / "test.tf_emcom-new" / "corpus.json").exists()
    refused = commands.start("analyse", path, env=env.items())
    assert refused.returncode == 2
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("Error: ")]
    assert f"is not finished: its writing stopped, or still goes on; write it with tf-emcom messages {given[0]}" in line
    again = commands.start("messages", *given, env=env.items())
    assert again.returncode == 0, again.stderr
    assert "1,077 messages of 3 pairs about the test split, step 4, noise 0.25 (Erasure); accuracy 0." in again.stdout
    assert [entry.name for entry in path.parent.iterdir()] == ["test"]
    found = Corpus(str(path)).columns()
    assert sorted(found["id"].tolist()) == sorted([*range(359)] * 3)
    assert analyse(str(path), samples=100) == str(path / "analysis.jsonl")
    assert "mean and deviation (n − 1) of 3 pairs" in capsys.readouterr().out


@pytest.mark.processes
def test_where_there_is_no_corpus_is_told_in_one_sentence_with_status_2(tmp_path):
    ran = commands.start("analyse", "--samples=100", tmp_path)
    assert ran.returncode == 2 and "Traceback" not in ran.stderr
    (line,) = [line for line in ran.stderr.splitlines() if line.startswith("Error: ")]
    assert f"There is no corpus in {tmp_path}" in line
