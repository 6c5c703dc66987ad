import fcntl
import json
import os

import numpy as np
import pytest

from tests.corpora import sayings
from tf_emcom.corpora import places
from tf_emcom.corpora.corpus import Corpus
from tf_emcom.corpora.corpus_writer import CorpusWriter
from tf_emcom.corpora.formats.jsonl import Jsonl
from tf_emcom.errors import UserError


def write(path, said):
    with CorpusWriter(str(path), sayings.manifest(said, ["jsonl"]), [Jsonl]) as writer:
        writer.append(said)


def stopped(path, said):
    """Writes half of it."""
    with pytest.raises(KeyboardInterrupt), CorpusWriter(str(path), sayings.manifest(said), [Jsonl]) as writer:
        writer.append(sayings.cut(said, slice(2)))
        raise KeyboardInterrupt


def test_a_corpus_is_described(tmp_path):
    said = sayings.utterances(8)
    write(tmp_path / "c", said)
    assert Corpus(str(tmp_path / "c")).manifest == sayings.manifest(said, ["jsonl"])
    about = json.loads((tmp_path / "c" / "corpus.json").read_text())
    assert about["complete"] is True
    assert about["columns"]["symbols"] == {"dtype": "int32", "shape": [sayings.T], "width": 0}
    assert set(os.listdir(tmp_path / "c")) == {"corpus.json", "messages.jsonl"}


def test_an_unfinished_corpus_is_refused_and_the_older_one_stays_as_it_was(tmp_path):
    path, older = tmp_path / "c", sayings.utterances(8)
    stopped(path, sayings.utterances(6))
    for given in (path, tmp_path / "c.unfinished"):
        with pytest.raises(UserError, match="is not finished: .* write it with bin/messages --workdir=/runs/made-up"):
            Corpus(str(given))
    write(path, older)
    stopped(path, sayings.utterances(6))
    np.testing.assert_array_equal(Corpus(str(path)).columns()["symbols"], older.symbols)
    newer = sayings.utterances(6, seed=1)
    write(path, newer)
    np.testing.assert_array_equal(Corpus(str(path)).columns()["symbols"], newer.symbols)
    assert os.listdir(tmp_path) == ["c"]


def test_a_kill_between_taking_away_the_older_corpus_and_putting_the_newer_one_there_loses_neither(tmp_path):
    path, older = tmp_path / "c", sayings.utterances(8)
    write(path, older)
    os.rename(path, f"{path}.replaced")
    np.testing.assert_array_equal(Corpus(str(path)).columns()["symbols"], older.symbols)
    stopped(path, sayings.utterances(6))
    assert sorted(os.listdir(tmp_path)) == ["c", "c.unfinished"]
    np.testing.assert_array_equal(Corpus(str(path)).columns()["symbols"], older.symbols)


def test_what_is_no_corpus_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(UserError, match="is there already and is no corpus"):
            write(path, sayings.utterances(4))
    with pytest.raises(UserError, match="only to a local disk"):
        places.require_free("gs://bucket/corpus")
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_two_processes_do_not_write_one_corpus(tmp_path):
    os.makedirs(tmp_path / "c.unfinished")
    with open(tmp_path / "c.unfinished" / ".lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="Another process is writing"):
            write(tmp_path / "c", sayings.utterances(4))


def test_where_nothing_can_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written .*start the same command again"):
        write(tmp_path / "file" / "c", sayings.utterances(4))


def test_where_there_is_no_corpus_is_told(tmp_path):
    with pytest.raises(UserError, match="no corpus in .*: it lacks corpus.json; write one with bin/messages"):
        Corpus(str(tmp_path))
    (tmp_path / "corpora" / "test").mkdir(parents=True)
    with pytest.raises(UserError, match=f"name one of those of this run, {tmp_path}/corpora/test, or"):
        Corpus(str(tmp_path))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"format": 1, "split": "test"}'], ids=str)
def test_a_damaged_description_is_told(tmp_path, text):
    (tmp_path / "corpus.json").write_text(text)
    with pytest.raises(UserError, match="cannot be read as the description of a corpus"):
        Corpus(str(tmp_path))
