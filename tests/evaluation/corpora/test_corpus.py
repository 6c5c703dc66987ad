"""Corpora are there as a whole or not at all, and nothing else is replaced by one."""

import json
import os
import re
import shutil
import signal
import subprocess
import zlib

import numpy as np
import pytest

from tests import commands
from tests.evaluation.corpora import sayings
from tf_emcom.errors import UserError
from tf_emcom.evaluation.corpora import corpus
from tf_emcom.evaluation.corpora.corpus import Corpus, new_corpus
from tf_emcom.evaluation.corpora.formats import CorpusFormat, Jsonl
from tf_emcom.runtime.catalogue import plug_ins

KNOWN = plug_ins(CorpusFormat)


def write(path, said):
    with new_corpus(str(path), sayings.manifest(said, ["jsonl"]), [Jsonl]) as append:
        append(said.columns())


def stopped(path, said):
    """Writes half of it, and is interrupted."""
    with pytest.raises(KeyboardInterrupt), new_corpus(str(path), sayings.manifest(said), [Jsonl]) as append:
        append(sayings.cut(said, slice(2)).columns())
        raise KeyboardInterrupt


KILLED = """
import os, signal, sys
from tests.evaluation.corpora import sayings
from tests.evaluation.corpora.test_corpus import KNOWN
from tf_emcom.evaluation.corpora.corpus import new_corpus

said = sayings.utterances(6)
with new_corpus(sys.argv[1], sayings.manifest(said), list(KNOWN.values())) as append:
    append(sayings.cut(said, slice(2)).columns())
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(path):
    done = subprocess.run([*commands.python(), "-c", KILLED, str(path)], cwd=commands.ROOT)
    assert done.returncode == -signal.SIGKILL


def test_a_corpus_is_described(tmp_path):
    said = sayings.utterances(8)
    write(tmp_path / "c", said)
    sums = {"messages.jsonl": f"{zlib.crc32((tmp_path / 'c' / 'messages.jsonl').read_bytes()):08x}"}
    assert Corpus(str(tmp_path / "c")).manifest == sayings.manifest(said, ["jsonl"])._replace(files=sums)
    about = json.loads((tmp_path / "c" / "corpus.json").read_text())
    assert about["complete"] is True
    assert about["columns"]["symbols"] == {"dtype": "int32", "shape": [sayings.T], "width": 0}
    assert set(os.listdir(tmp_path / "c")) == {"corpus.json", "messages.jsonl"}


def test_what_stops_half_way_leaves_nothing_but_the_older_corpus(tmp_path):
    path, older = tmp_path / "c", sayings.utterances(8)
    stopped(path, sayings.utterances(6))
    assert os.listdir(tmp_path) == []
    write(path, older)
    before = commands.snapshot(tmp_path)
    stopped(path, sayings.utterances(6))
    assert commands.snapshot(tmp_path) == before


@pytest.mark.processes
def test_after_a_kill_the_unfinished_corpus_is_refused_and_the_next_writer_clears_it(tmp_path):
    path, older, newer = tmp_path / "c", sayings.utterances(8), sayings.utterances(6, seed=1)
    killed(path)
    for given in (path, f"{path}.tf_emcom-new"):
        with pytest.raises(UserError, match="is not finished: .* tf-emcom messages --workdir=/runs/made-up"):
            Corpus(str(given))
    write(path, older)
    assert os.listdir(tmp_path) == ["c"]
    killed(path)
    np.testing.assert_array_equal(Corpus(str(path)).columns()["symbols"], older.symbols)
    write(path, newer)
    np.testing.assert_array_equal(Corpus(str(path)).columns()["symbols"], newer.symbols)
    assert os.listdir(tmp_path) == ["c"]


def test_a_kill_between_taking_away_the_older_corpus_and_putting_the_newer_one_there_loses_neither(tmp_path):
    path, older = tmp_path / "c", sayings.utterances(8)
    write(path, older)
    os.rename(path, f"{path}.tf_emcom-old")
    np.testing.assert_array_equal(Corpus(str(path)).columns()["symbols"], older.symbols)
    stopped(path, sayings.utterances(6))
    assert os.listdir(tmp_path) == ["c"]
    np.testing.assert_array_equal(Corpus(str(path)).columns()["symbols"], older.symbols)


FULL = """
import resource, signal, sys
from tests.evaluation.corpora import sayings
from tests.evaluation.corpora.test_corpus import KNOWN
from tf_emcom.evaluation.corpora.corpus import new_corpus
from tf_emcom.errors import UserError

said = sayings.utterances(4000)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in map(int, sys.argv[2:]):
    # Writes beyond a limit of the process fail as those to a full disk do.
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for name, form in KNOWN.items():
        try:
            with new_corpus(sys.argv[1], sayings.manifest(said, [name]), [form]) as append:
                append(said.columns())
            print(limit, name, "was written")
        except UserError as error:
            print(limit, name, error)
"""


@pytest.mark.processes
def test_a_full_disk_is_one_sentence_wherever_it_comes_and_the_older_corpus_stays(tmp_path):
    path = tmp_path / "c"
    write(path, sayings.utterances(8))
    before = commands.snapshot(tmp_path)
    done = subprocess.run(
        [*commands.python(), "-c", FULL, str(path), "10", "5000", "20000", "60000"],
        cwd=commands.ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    lines = done.stdout.splitlines()
    sentence = r"\S+/c(\.tf_emcom-new/corpus\.json)? cannot be written .*File too large.; make room .* command again."
    assert [line for line in lines if not re.fullmatch(rf"\d+ \w+ {sentence}", line)] == [] and len(lines) == 12
    assert commands.snapshot(tmp_path) == before


def test_what_is_no_corpus_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(UserError, match="is there already and is no corpus"):
            write(path, sayings.utterances(4))
    with pytest.raises(UserError, match="only to a local disk"):
        corpus.require_free("gs://bucket/corpus")
    assert os.listdir(tmp_path) == ["notes.txt"]
    os.mkfifo(tmp_path / "pipe")
    os.symlink("nowhere", tmp_path / "dangling")
    for name in ("pipe", "dangling"):
        with pytest.raises(UserError, match=f"{name} is there already and is no corpus"):
            write(tmp_path / name, sayings.utterances(4))


@pytest.mark.parametrize("name", ["notes.txt", "numpy/thesis.tex", "numpy/more/a.npy", "corpus.json.bak"])
def test_a_corpus_with_a_file_that_is_not_of_it_is_left_alone(tmp_path, name):
    path = tmp_path / "c"
    write(path, sayings.utterances(8))
    (path / "analysis.jsonl").write_text("{}")
    (path / name).parent.mkdir(exist_ok=True, parents=True)
    (path / name).write_text("mine")
    before = commands.snapshot(tmp_path)
    with pytest.raises(UserError, match=f"c holds {name}, which is no part of a corpus; move that file"):
        write(path, sayings.utterances(4))
    assert commands.snapshot(tmp_path) == before


def test_two_processes_do_not_write_one_corpus(tmp_path):
    said = sayings.utterances(4)
    with new_corpus(str(tmp_path / "c"), sayings.manifest(said, ["jsonl"]), [Jsonl]) as append:
        with pytest.raises(UserError, match="Another process is writing"):
            write(tmp_path / "c", said)
        append(said.columns())
    assert len(Corpus(str(tmp_path / "c")).columns()["symbols"]) == 4


def test_an_error_that_is_none_of_writing_stays_what_it_is(tmp_path):
    said = sayings.utterances(4)
    with pytest.raises(BrokenPipeError), new_corpus(str(tmp_path / "c"), sayings.manifest(said), [Jsonl]):
        raise BrokenPipeError
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("when", ["before the last block", "at the end"])
def test_a_folder_that_is_deleted_while_it_is_written_is_told(tmp_path, when):
    said = sayings.utterances(4)
    with (
        pytest.raises(UserError, match="cannot be written .No such file or directory"),
        new_corpus(str(tmp_path / "c"), sayings.manifest(said), list(KNOWN.values())) as append,
    ):
        if when == "at the end":
            append(said.columns())
        shutil.rmtree(tmp_path / "c.tf_emcom-new")
        if when != "at the end":
            append(said.columns())


def test_where_nothing_can_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written .*run the same command again"):
        write(tmp_path / "file" / "c", sayings.utterances(4))


def test_where_there_is_no_corpus_is_told(tmp_path):
    with pytest.raises(UserError, match="no corpus in .*: it lacks corpus.json; write one with tf-emcom messages"):
        Corpus(str(tmp_path))
    (tmp_path / "corpora" / "test").mkdir(parents=True)
    with pytest.raises(UserError, match=f"name one of those of this run, {tmp_path}/corpora/test, or"):
        Corpus(str(tmp_path))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "[" * 10_000, '{"format": 99}', '{"format": 1, "split": "test"}'], ids=len
)
def test_a_damaged_description_is_told_and_can_be_replaced(tmp_path, text):
    (tmp_path / "corpus.json").write_text(text)
    with pytest.raises(UserError, match="corpus.json (is damaged|cannot be read as the description of a corpus) "):
        Corpus(str(tmp_path))
    write(tmp_path, sayings.utterances(4))
    assert len(Corpus(str(tmp_path)).columns()["symbols"]) == 4


def test_a_description_that_was_changed_is_told(tmp_path):
    write(tmp_path / "c", sayings.utterances(4))
    path = tmp_path / "c" / "corpus.json"
    path.write_text(path.read_text().replace('"noise": 0.25', '"noise": 0.35'))
    with pytest.raises(UserError, match="corpus.json cannot be read .*checksum does not fit"):
        Corpus(str(tmp_path / "c"))


