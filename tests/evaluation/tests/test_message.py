import math

import pytest

from tests.evaluation.tests import meanings
from tf_emcom.errors import UserError
from tf_emcom.evaluation.tests.test_message import TestMessage, position_sets
from tf_emcom.games.channels import Erasure


@pytest.mark.parametrize("seed", [0, 42, 2**40])
@pytest.mark.parametrize("erased", range(11))
def test_sets_are_distinct_and_as_many_as_can_be(erased, seed):
    sets = position_sets(erased, 10, 10, seed)
    assert len(sets) == len(set(sets)) == min(10, math.comb(10, erased))
    for positions in sets:
        assert list(positions) == sorted(set(positions))
        assert len(positions) == erased
        assert all(0 <= position < 10 for position in positions)


def test_sets_of_one_position_are_all_positions():
    assert position_sets(1, 10, 10, seed=0) == [(position,) for position in range(10)]


def test_sets_are_drawn_from_the_seed():
    first, same, other = (position_sets(4, 10, 10, seed) for seed in (0, 0, 1))
    assert first == same != other


def test_every_position_is_drawn_equally_often():
    counts = [0] * 20
    for seed in range(400):
        for positions in position_sets(3, 20, 5, seed):
            for position in positions:
                counts[position] += 1
    expected = 400 * 5 * 3 / 20
    assert sum((count - expected) ** 2 / expected for count in counts) < 45  # χ² with 19 degrees, p = 0.0007


def test_long_messages_have_sets_too():
    assert len(set(position_sets(50, 100, 10, seed=0))) == 10


@pytest.mark.parametrize(
    ("length", "expected"),
    [(10, [0, 1, 2, 3, 4, 5, 10]), (5, [0, 1, 2, 3, 4, 5]), (2, [0, 1, 2]), (6, [0, 1, 2, 3, 4, 5, 6])],
)
def test_usually_up_to_five_and_all_symbols_are_erased(length, expected):
    assert [cell.labels["erased"] for cell in TestMessage().cells(length)] == expected


def test_conditions_erase_exactly_the_positions_of_a_set():
    (cell,) = TestMessage(erased=[2], sets=3).cells(4)
    assert len(cell.conditions) == 3
    for condition in cell.conditions:
        assert condition.is_fixed and len(set(condition.erased)) == 2 and set(condition.erased) < set(range(4))
    sets = TestMessage().notes(cell, [0.1, 0.2, 0.3])["position_sets"]
    assert sets == [list(condition.erased) for condition in cell.conditions]


def test_only_all_positions_say_what_each_is_worth():
    some, every = (TestMessage(erased=[1], sets=sets).cells(6)[0] for sets in (5, 6))
    assert (some.complete, every.complete) == (False, True)


def test_a_channel_is_refused():
    with pytest.raises(UserError, match="TestMessage.channel is bound, but this test erases given positions"):
        TestMessage(channel=Erasure(0.5))


def test_more_erased_symbols_than_a_message_has_are_refused():
    with pytest.raises(UserError, match="TestMessage.erased holds 7, but messages have 6 symbols"):
        TestMessage(erased=[0, 7]).cells(6)


def test_a_row_pools_its_sets(tmp_path):
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings())
    TestMessage(candidates=[8], passes=1, erased=[0, 2], sets=4).run(experiment, folder)
    clear, two = meanings.results(folder, "testmessage")
    assert (clear["position_sets"], clear["accuracies"]) == ([[]], [clear["accuracy"]])
    assert len(two["position_sets"]) == len(two["accuracies"]) == 4
    assert two["games"] == 4 * clear["games"]
    assert two["accuracy"] == pytest.approx(sum(two["accuracies"]) / 4, abs=1e-12)
    # Each set by itself gives what it gave among the others.
    assert len(set(two["accuracies"])) > 1


def test_the_accuracy_lost_with_each_position_is_told(tmp_path):
    experiment, folder = meanings.untrained_run(tmp_path / "run", meanings.Meanings())
    TestMessage(candidates=[8], passes=1, erased=[1, 0, 2]).run(experiment, folder)
    without_one, intact, without_two = meanings.results(folder, "testmessage")
    assert without_one["accuracy_lost"] == pytest.approx([intact["accuracy"] - a for a in without_one["accuracies"]])
    assert len(without_one["accuracy_lost"]) == len(without_one["position_sets"])
    assert "accuracy_lost" not in intact and "accuracy_lost" not in without_two
