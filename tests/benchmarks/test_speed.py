"""The speeds of steps, and the expected times of growing work, against numbers worked out by hand."""

import pytest

from benchmarks.division import divided
from benchmarks.speed import Expectation, Growth, Setting, speeds


def test_speed_is_the_games_and_operations_of_the_shortest_time():
    found = speeds([0.5, 0.25, 1.0], games=100, operations=2e6, peak=4e9)
    assert found == {
        "ms/step": 250.0,
        "median ms": 500.0,
        "games/s": 400.0,
        "MFLOP/game": 2.0,
        "GFLOP/s": 0.8,
        "peak GFLOP/s": 4.0,
        "% of peak": 20.0,
    }


def test_time_is_expected_to_be_proportional_to_the_batch_measured_at_the_largest():
    rows = [row for row in Growth(batch_sizes=(16, 256)).expectations() if row.grows == "batch"]
    assert [(row.value, row.of.batch, row.times) for row in rows] == [(16, 256, 1 / 16), (256, 256, 1.0)]


def test_time_is_expected_to_be_proportional_to_the_pairs_of_a_step():
    rows = [row for row in Growth(agents=(1, 10)).expectations() if row.grows == "agents"]
    assert [(row.setting.agents, row.times) for row in rows] == [(1, 1), (10, 10)]
    assert rows[1].setting.bindings() == [
        "batch_size=64",
        "message_length=10",
        "n_speakers=10",
        "n_listeners=10",
        "pairs_per_step=10",
    ]


def test_time_is_expected_to_be_proportional_to_the_length_of_messages_measured_at_ten_symbols():
    rows = [row for row in Growth(lengths=(5, 40)).expectations() if row.grows == "symbols"]
    assert [(row.setting.length, row.of.length, row.times) for row in rows] == [(5, 10, 0.5), (40, 10, 4.0)]


def test_a_row_has_the_measured_and_the_expected_time():
    small, large = Setting(16), Setting(64)
    expected = Expectation("batch", 16, small, large, 0.25)
    assert expected.row({small: 0.5, large: 1.0}, {small: 16, large: 64}) == {
        "grows": "batch",
        "value": 16,
        "ms/step": 500.0,
        "games/s": 32.0,
        "expected ms": 250.0,
        "times expected": 2.0,
    }


def test_time_divides_into_kinds_by_the_types_of_operations():
    seconds = {
        "_MklBatchMatMulV2": [0.5, 0.25],
        "StatelessRandomUniformFullIntV2": [0.125],
        "MultiDeviceIteratorGetNextFromShard": [1.0],
        "ResourceApplyAdam": [2.0],
        "_MklTranspose": [0.5],
        "While": [9.0],
        "Mul": [0.25],
        "TanhGrad": [0.25],
    }
    kinds, operations = divided(seconds)
    assert kinds == pytest.approx(
        {
            "products": 0.75,
            "random bits": 0.125,
            "feeding": 1.0,
            "optimizers": 2.0,
            "moving": 0.5,
            "control": 9.0,
            "element-wise": 0.5,
        }
    )
    assert operations == 9
