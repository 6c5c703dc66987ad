"""Interrupts packing after every shard, and finishes it."""

import pytest

from tests.data.packed.twelve_examples import Split, assert_whole, load
from tf_emcom.errors import UserError


@pytest.fixture
def folder(tmp_path):
    """That of the data; the cache is beside it."""
    (tmp_path / "own" / "1.0.0").mkdir(parents=True)
    return tmp_path / "own" / "1.0.0"


def interrupt(folder, cache, stop):
    with pytest.raises(KeyboardInterrupt):
        load(Split(folder, stop=stop), cache)
    assert not list(cache.rglob("*.bin"))


@pytest.mark.parametrize("stop", range(0, 12, 2))
def test_finished_shards_are_not_read_again_after_an_interruption(tmp_path, folder, stop):
    interrupt(folder, tmp_path / "cache", stop)
    again = Split(folder)
    assert_whole(again, tmp_path / "cache")
    # The first batch is always read, for its types.
    finished = {0: 0, 2: 0, 4: 2, 6: 2, 8: 3, 10: 3}[stop]
    assert again.read == [None, *range(finished, 4)]


def test_finished_shards_that_were_damaged_meanwhile_are_read_again(tmp_path, folder):
    interrupt(folder, tmp_path / "cache", 10)
    with open(next(tmp_path.rglob("label.bin.part")), "r+b") as file:
        file.seek(32)
        file.write(b"?")
    again = Split(folder)
    assert_whole(again, tmp_path / "cache")
    assert again.read == [None, 2, 3]


def test_interrupted_packing_of_another_source_is_thrown_away(tmp_path, folder):
    interrupt(folder, tmp_path / "cache", 10)
    (folder / "shard-1").write_text("changed")
    again = Split(folder)
    assert_whole(again, tmp_path / "cache")
    assert again.read == [None, *range(4)]


@pytest.mark.parametrize("lengths", [[3, 0, 5, 3], [3, 0, 5, 5], [3, 0, 0, 0]], ids=["more", "fewer", "far more"])
def test_more_or_fewer_examples_than_promised_are_never_taken_for_the_column(tmp_path, folder, lengths):
    with pytest.raises(UserError, match="examples"):
        load(Split(folder, lengths), tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == [".lock"]


def test_what_is_packed_is_not_read_again(tmp_path, folder):
    load(Split(folder), tmp_path / "cache")
    again = Split(folder)
    assert_whole(again, tmp_path / "cache")
    assert again.read == []
