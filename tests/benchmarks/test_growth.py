"""The laws by which cost should grow, against numbers worked out by hand."""

from tf_emcom.benchmarks.growth import Growth, Line, Setting


def test_time_is_expected_to_go_with_the_batch_by_the_largest():
    lines = [line for line in Growth(batch_sizes=(16, 256)).lines() if line.grows == "batch"]
    assert [(line.value, line.of.batch, line.times) for line in lines] == [(16, 256, 1 / 16), (256, 256, 1.0)]


def test_time_is_expected_to_go_with_the_pairs_of_a_step():
    lines = [line for line in Growth(agents=(1, 10)).lines() if line.grows == "agents"]
    assert [(line.setting.agents, line.times) for line in lines] == [(1, 1), (10, 10)]
    assert lines[1].setting.bindings() == [
        "batch_size=64",
        "message_length=10",
        "n_speakers=10",
        "n_listeners=10",
        "pairs_per_step=10",
    ]


def test_time_is_expected_to_go_with_the_length_of_messages_by_ten_symbols():
    lines = [line for line in Growth(lengths=(5, 40)).lines() if line.grows == "symbols"]
    assert [(line.setting.length, line.of.length, line.times) for line in lines] == [(5, 10, 0.5), (40, 10, 4.0)]


def test_a_row_sets_the_measured_time_beside_the_expected_one():
    small, large = Setting(16), Setting(64)
    line = Line("batch", 16, small, large, 0.25)
    assert line.row({small: 0.5, large: 1.0}, {small: 16, large: 64}) == {
        "grows": "batch",
        "value": 16,
        "ms/step": 500.0,
        "games/s": 32.0,
        "expected ms": 250.0,
        "times expected": 2.0,
    }
