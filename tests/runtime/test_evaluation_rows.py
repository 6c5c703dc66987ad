"""Rows of a later evaluation beside those of an earlier one, all written by hand."""

import keras
import numpy as np
import pytest

from tf_emcom.files import read_json_lines
from tf_emcom.runtime.evaluation_rows import checksum_of, merged, of_the_run
from tf_emcom.runtime.run_folder import RunFolder


def row(games=100, noise=0.0, accuracy=0.5, **fields):
    common = {"mode": "testchannel", "step": 10, "split": "test", "channel": "Erasure", "candidates": 16}
    return {**common, "noise": noise, "speaker": 0, "listener": 0, "accuracy": accuracy, "games": games, **fields}


def of(*agents, games=100, **fields):
    """Rows of a population: its pairs, their average, and a vote."""
    shared = {key: value for key, value in row(games, **fields).items() if key not in ("speaker", "listener")}
    pairs = [{**shared, "speaker": speaker, "listener": listener} for speaker, listener in agents]
    return [*pairs, {**shared, "ensemble": "average"}, {**shared, "ensemble": "vote", "speaker": 0}]


def test_a_smaller_later_evaluation_adds_and_does_not_delete():
    old = [row(100), row(100, noise=0.5)]
    new = [row(20, accuracy=0.1), row(20, noise=0.25)]
    assert merged(old, new) == ([*old, new[1]], 1)


@pytest.mark.parametrize("games", [100, 101])
def test_as_many_games_or_more_replace(games):
    old, new = [row(100), row(100, noise=0.5)], [row(games, accuracy=0.1)]
    assert merged(old, new) == ([old[1], new[0]], 0)


@pytest.mark.parametrize(
    "field",
    [{"candidates": 64}, {"split": "valid"}, {"channel": "Substitution"}, {"seed": 1}, {"step": 20}, {"views": 1}]
    + [{"input_noise": 1.0}, {"erased": 2}, {"data": "others"}],
    ids=str,
)
def test_what_was_measured_otherwise_is_kept_apart(field):
    old, new = [row(100, seed=42, views=2)], [row(**{"games": 20, "seed": 42, "views": 2, **field})]
    assert merged(old, new) == ([*old, *new], 0)


def test_noise_of_0_is_the_same_as_a_whole_number_and_as_a_fraction():
    old, new = [row(100, noise=0.0)], [row(20, noise=0)]
    assert merged(old, new) == (old, 1)


def test_the_rows_of_a_population_stay_together():
    pairs = [(0, 0), (0, 1)]
    old, fewer, more = of(*pairs), of(*pairs, games=20), of(*pairs, games=500)
    assert merged(old, fewer) == (old, 4)
    assert merged(old, more) == (more, 0)
    # More games, but of one of the pairs only: the average would not be that of both.
    assert merged(old, of((0, 0), games=500)) == (old, 3)


def test_language_is_as_large_as_its_messages_in_all_passes():
    def said(messages, passes, topsim):
        labels = {"mode": "testtopsim", "step": 10, "meaning": "inputs", "distance": "cosine", "speaker": 0}
        return {**labels, "topsim": topsim, "messages": messages, "passes": passes}

    assert merged([said(1000, 5, 0.1)], [said(2000, 1, 0.2)]) == ([said(1000, 5, 0.1)], 1)
    assert merged([said(1000, 5, 0.1)], [said(1000, 6, 0.2)]) == ([said(1000, 6, 0.2)], 0)


def test_symbols_that_are_said_no_longer_leave_no_row():
    def used(*symbols):
        common = {"mode": "testlanguage", "step": 10, "measure": "symbol_use", "messages": 50, "speaker": 0}
        return [{**common, "position": 0, "symbol": symbol} for symbol in symbols]

    assert merged(used(1, 2, 3), used(1, 4)) == (used(1, 4), 0)


def test_rows_that_count_no_games_are_rewritten_as_a_whole():
    games = [{"mode": "examplegames", "step": 10, "game": game, "candidates": [game, 1]} for game in range(3)]
    assert merged(games, games[:1]) == (games[:1], 0)
    curve = [{"step": step, "accuracy": 0.5, "area": 0.5} for step in (10, 20)]
    assert merged(curve, curve[1:]) == (curve[1:], 0)


def test_rows_of_other_agents_at_the_same_step_are_dropped():
    before = [row(100, weights="aa"), row(100, noise=0.5, weights="aa"), row(100, step=5, weights="cc")]
    new = [row(20, weights="bb")]
    assert merged(before, new) == ([before[2], new[0]], 0)
    # Rows of older versions do not say whose they are.
    assert merged([row(100)], new) == ([row(100)], 1)


def test_the_order_is_that_of_the_evaluation():
    rows = [row(100, noise=noise, speaker=speaker) for speaker in (0, 1) for noise in (0.0, 0.5)]
    assert merged([], rows) == merged(rows, rows) == (rows, 0)


def test_readers_get_the_newest_step():
    rows = [row(step=10), row(step=30), row(step=20, games=1000), {"step": 40, "area": 0.5}]
    assert of_the_run(rows) == [rows[1], rows[3]]


def test_readers_get_one_setting_the_largest_and_of_equals_the_latest():
    small, large, latest = row(20, seed=1), row(100, seed=42), row(100, seed=2)
    assert of_the_run([large, small]) == [large]
    assert of_the_run([large, latest, small]) == [latest]
    assert of_the_run([{**large, "split": "valid"}, latest]) == [latest]
    assert of_the_run([large, {**large, "data": "others", "games": 40}]) == [large]
    assert of_the_run([]) == []


def test_each_meaning_has_a_distance_of_its_own():
    measured = (("inputs", "cosine"), ("attributes", "hamming"), ("inputs", "euclidean"))
    common = {"mode": "testtopsim", "step": 1, "messages": 10}
    rows = [{**common, "meaning": meaning, "distance": distance} for meaning, distance in measured]
    assert of_the_run(rows) == rows[1:]


def test_checksums_are_of_names_and_numbers():
    first, second = ({"speaker": [keras.Variable(np.full(3, value, np.float32))]} for value in (1.0, 2.0))
    assert checksum_of(first) == checksum_of(first) != checksum_of(second)


def test_a_file_keeps_rows_of_earlier_evaluations_and_stays_whole(tmp_path, capsys):
    folder = RunFolder(str(tmp_path))
    path = folder.write_evaluation("testchannel", [row(100), row(100, noise=0.5)])
    folder.write_evaluation("testchannel", [row(20), row(20, noise=0.25), row(20, step=20)])
    assert read_json_lines(path, "") == [row(100), row(100, noise=0.5), row(20, noise=0.25), row(20, step=20)]
    assert "1 rows were not written" in capsys.readouterr().err


def test_a_damaged_file_is_replaced_with_a_note(tmp_path, capsys):
    folder = RunFolder(str(tmp_path))
    path = folder.write_evaluation("testchannel", [row(100)])
    (tmp_path / "eval" / "testchannel.jsonl").write_bytes(b"\xff\xfe")
    folder.write_evaluation("testchannel", [row(20, noise=0.25)])
    assert read_json_lines(path, "") == [row(20, noise=0.25)]
    assert "testchannel.jsonl is damaged" in capsys.readouterr().err


def test_rows_get_the_checksum_of_the_agents(tmp_path):
    path = RunFolder(str(tmp_path)).write_evaluation("testchannel", [row()], "0123abcd")
    assert read_json_lines(path, "") == [row(weights="0123abcd")]
