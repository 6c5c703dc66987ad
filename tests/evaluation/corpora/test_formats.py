import json
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.evaluation.corpora import sayings
from tf_emcom.errors import UserError
from tf_emcom.evaluation.corpora.corpus import Corpus, new_corpus
from tf_emcom.evaluation.corpora.formats import CorpusFormat, Parquet
from tf_emcom.evaluation.corpora.manifest import ColumnType
from tf_emcom.runtime.catalogue import plug_ins

KNOWN = plug_ins(CorpusFormat)
COUNT = 1000


def written(path, said, names=tuple(KNOWN), block=300):
    about = sayings.manifest(said, names)
    with new_corpus(str(path), about, [KNOWN[name] for name in names]) as append:
        for start in range(0, len(said.id), block):
            append(sayings.cut(said, slice(start, start + block)).columns())
    return Corpus(str(path))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A corpus in all formats; nobody writes to it."""
    return written(tmp_path_factory.mktemp("corpora") / "test", sayings.utterances(COUNT))


def test_formats_are_found_by_name():
    assert set(KNOWN) == {"parquet", "jsonl", "numpy"}


@pytest.mark.parametrize("name", ["parquet", "numpy"])
def test_nothing_is_lost(corpus, name):
    expected, found = sayings.utterances(COUNT).columns(), corpus.columns(written_as=name)
    assert list(found) == list(expected)
    for column, values in expected.items():
        assert found[column].dtype == values.dtype, column
        np.testing.assert_array_equal(found[column], values, err_msg=column)
    assert {type(value) for value in found["image_id"]} == {bytes}
    assert {type(value) for value in found["title"]} == {str}


def test_the_format_that_keeps_most_is_read_unless_another_is_named(corpus):
    assert set(corpus.columns()) == set(sayings.utterances(4).columns())
    assert set(corpus.columns(written_as="jsonl")) == {"symbols"}


def test_several_row_groups_are_read_as_one(tmp_path):
    rng = np.random.default_rng(0)
    short = sayings.utterances(4)
    rows = rng.integers(0, 4, 150_000)
    said = sayings.cut(short, rows)._replace(labels={"label": rng.integers(0, 9, 150_000)})
    found = written(tmp_path / "c", said, ["parquet"], block=1024)
    assert pq.ParquetFile(tmp_path / "c" / "corpus.parquet").num_row_groups == 3
    for name, values in said.columns().items():
        np.testing.assert_array_equal(found.columns([name])[name], values, err_msg=name)


def test_the_table_can_be_read_by_others(corpus):
    table = pq.read_table(f"{corpus.path}/corpus.parquet")
    said = sayings.utterances(COUNT)
    assert table.num_rows == COUNT
    assert table.schema.field("symbols").type == pa.list_(pa.int32(), sayings.T)
    assert table.schema.field("grid").type == pa.list_(pa.list_(pa.int16(), 3), 2)
    assert table.schema.field("flags").type == pa.list_(pa.bool_(), 3)
    assert table.schema.field("image_id").type == pa.binary()
    assert table["symbols"].to_pylist() == said.symbols.tolist()
    assert table["grid"].to_pylist() == said.labels["grid"].tolist()
    assert table["image_id"].to_pylist() == said.labels["image_id"].tolist()
    about = json.loads(table.schema.metadata[b"tf_emcom"])
    assert about["names"]["attributes"][:2] == ["Flag_00", "Flag_01"]
    assert (about["vocab_size"], about["unknown"], about["noise"]) == (sayings.V, sayings.V, 0.25)


def test_arrays_can_be_loaded_by_others_without_pickle(corpus):
    said = sayings.utterances(COUNT)
    for name in ("symbols", "success", "label", "flags", "grid"):
        found = np.load(f"{corpus.path}/numpy/{name}.npy", mmap_mode="r", allow_pickle=False)
        np.testing.assert_array_equal(found, said.columns()[name])
    assert np.load(f"{corpus.path}/numpy/image_id.npy", allow_pickle=False).tolist() == said.labels["image_id"].tolist()


def test_lines_are_one_array_of_integers_a_message(corpus):
    with open(f"{corpus.path}/messages.jsonl") as file:
        lines = file.read().split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == sayings.utterances(COUNT).symbols.tolist()
    assert all(type(symbol) is int for line in lines for symbol in json.loads(line))


def test_lines_keep_the_first_end_symbol_and_leave_out_the_silence_behind_it(tmp_path):
    said = sayings.utterances(50, ends=True)
    corpus = written(tmp_path / "c", said, ["jsonl"])
    with open(tmp_path / "c" / "messages.jsonl") as file:
        lines = [json.loads(line) for line in file]
    end = sayings.V - 1
    expected = [row[: row.index(end) + 1] if end in row else row for row in said.symbols.tolist()]
    assert lines == expected
    assert [end] in lines and max(map(len, lines)) == sayings.T
    found = corpus.columns()["symbols"]
    np.testing.assert_array_equal(found, said.symbols)
    assert found.dtype == np.int32


@pytest.mark.parametrize("file", ["corpus.parquet", "messages.jsonl", "numpy/symbols.npy"])
@pytest.mark.parametrize("how", ["cut short", "missing", "garbled"])
def test_damage_is_told_in_one_sentence(tmp_path, file, how):
    corpus = written(tmp_path / "c", sayings.utterances(40))
    path = tmp_path / "c" / file
    content = path.read_bytes()
    path.unlink()
    if how != "missing":
        path.write_bytes(content[: len(content) // 2] if how == "cut short" else b"\x00\xff" * 100)
    name = {"corpus.parquet": "parquet", "messages.jsonl": "jsonl"}.get(file, "numpy")
    with pytest.raises(UserError, match="(is damaged|cannot be read) .*write the corpus again with tf-emcom messages"):
        corpus.columns(["symbols"], name)


@pytest.mark.parametrize("file", ["corpus.parquet", "messages.jsonl", "numpy/symbols.npy", "numpy/doubles.npy"])
def test_a_changed_byte_is_told(tmp_path, file):
    corpus = written(tmp_path / "c", sayings.utterances(40))
    name = {"corpus.parquet": "parquet", "messages.jsonl": "jsonl"}.get(file, "numpy")
    path, column = tmp_path / "c" / file, "doubles" if "doubles" in file else "symbols"
    content = path.read_bytes()
    for place in np.linspace(0, len(content) - 1, 60).astype(int):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(UserError, match=f"{path.name} is damaged .its checksum is .*write the corpus again with"):
            corpus.columns([column], name)
    path.write_bytes(content)
    corpus.columns([column], name)


def test_a_pipe_in_place_of_a_file_is_told_without_waiting(tmp_path):
    corpus = written(tmp_path / "c", sayings.utterances(4))
    for file, name in (("corpus.parquet", "parquet"), ("messages.jsonl", "jsonl"), ("numpy/symbols.npy", "numpy")):
        (tmp_path / "c" / file).unlink()
        os.mkfifo(tmp_path / "c" / file)
        with pytest.raises(UserError, match="is no regular file; write the corpus again with tf-emcom messages"):
            corpus.columns(["symbols"], name)


def test_an_absent_library_is_told_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"need pyarrow, which is not installed; run pip install pyarrow, or choose"):
        Parquet.check()


def test_what_is_no_number_or_text_is_refused():
    with pytest.raises(UserError, match="'weights' holds values of the type complex64"):
        ColumnType.of("weights", np.zeros(3, np.complex64))
    with pytest.raises(UserError, match="'mixed' holds values of the type object"):
        ColumnType.of("mixed", np.array([b"a", "b"], object))


def test_a_column_or_a_format_that_is_not_there_is_told(tmp_path):
    corpus = written(tmp_path / "c", sayings.utterances(4), ["jsonl"])
    with pytest.raises(UserError, match="no column 'label' in the format jsonl, only symbols"):
        corpus.columns(["label"])
    with pytest.raises(UserError, match="was not written as numpy, only as jsonl"):
        corpus.columns(written_as="numpy")
