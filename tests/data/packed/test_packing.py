"""Interrupts packing after every shard, and finishes it."""

import numpy as np
import pytest

from tf_emcom.data.packed.cache import Packing
from tf_emcom.data.packed.column import Column

LENGTHS = [3, 0, 5, 4]
ARRAYS = {
    "inputs": np.random.default_rng(0).standard_normal((12, 4)).astype(np.float32),
    "label": np.arange(12, dtype=np.int32),
}
# The end of the batches of a reader that holds two examples.
ENDS = range(2, 13, 2)


class Reader:
    """Batches of two examples, from a shard on; `stop` examples are read before somebody interrupts."""

    def __init__(self, stop=None):
        self.stop, self.shards = stop, []

    def __call__(self, features, first_shard):
        self.shards.append(first_shard)
        first = sum(LENGTHS[:first_shard])
        for start in range(first, 12, 2):
            if self.stop is not None and start >= self.stop and len(self.shards) > 1:
                raise KeyboardInterrupt
            yield {feature: ARRAYS[feature][start : start + 2] for feature in features}


def columns(folder, source=1):
    return {feature: Column(str(folder), feature, {"source": source}) for feature in ARRAYS}


def pack(folder, reader, lengths=LENGTHS, source=1):
    return Packing("some data", str(folder), columns(folder, source), lengths).run(reader)


def assert_packed(folder, source=1):
    for feature, column in columns(folder, source).items():
        np.testing.assert_array_equal(column.open(), ARRAYS[feature])
        assert column.damaged_blocks() == []


@pytest.mark.parametrize("stop", ENDS)
def test_finished_shards_are_not_read_again_after_an_interruption(tmp_path, stop):
    with pytest.raises(KeyboardInterrupt):
        pack(tmp_path, Reader(stop - 2))
    assert all(column.open() is None for column in columns(tmp_path).values())
    again = Reader()
    assert pack(tmp_path, again) == 12
    # A shard's end is noticed when the next example comes.
    finished = max(shard for shard in range(4) if sum(LENGTHS[:shard]) < max(stop - 2, 1))
    assert again.shards[-1] == finished
    assert_packed(tmp_path)


def test_unfinished_line_of_the_journal_is_passed_over(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        pack(tmp_path, Reader(10))
    with open(tmp_path / "label.journal", "a") as journal:
        journal.write("[5, 12")
    pack(tmp_path, Reader())
    assert_packed(tmp_path)


def test_finished_shards_that_were_damaged_meanwhile_are_read_again(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        pack(tmp_path, Reader(10))
    with open(tmp_path / "label.bin.part", "r+b") as file:
        file.seek(16)
        file.write(b"?")
    again = Reader()
    pack(tmp_path, again)
    assert again.shards[-1] == 2
    assert_packed(tmp_path)


def test_interrupted_packing_of_another_source_is_thrown_away(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        pack(tmp_path, Reader(10))
    again = Reader()
    pack(tmp_path, again, source=2)
    assert again.shards == [0, 0]
    assert_packed(tmp_path, source=2)


@pytest.mark.parametrize("lengths", [[3, 0, 5, 3], [3, 0, 5, 5]], ids=["more", "fewer"])
def test_more_or_fewer_examples_than_promised_are_never_taken_for_the_column(tmp_path, lengths):
    assert pack(tmp_path, Reader(), lengths) != sum(lengths)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_what_is_packed_is_not_read_again(tmp_path):
    pack(tmp_path, Reader())
    again = Reader()
    assert pack(tmp_path, again) == 12
    assert again.shards == []
