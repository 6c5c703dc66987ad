import json

import numpy as np
import pytest

from tests import commands
from tf_emcom.benchmarks import suite
from tf_emcom.benchmarks.benchmark import Benchmark
from tf_emcom.benchmarks.pairwise_edit_distance import PairwiseEditDistance
from tf_emcom.benchmarks.suite import Timing
from tf_emcom.errors import UserError

TIMINGS = [Timing("pairwise_edit_distance", 0.025, 1.5), Timing("step", 2.0, 3.0)]


class Counted(Benchmark):
    """Notes what is called, and gives what it is told to."""

    def __init__(self, ours, plain):
        self.results = {"ours": ours, "plain": plain}
        self.calls = []

    def ours(self):
        self.calls.append("ours")
        return self.results["ours"]

    def plain(self):
        self.calls.append("plain")
        return self.results["plain"]


def test_every_benchmark_is_known_by_its_file_and_made_without_arguments():
    assert suite.known()["pairwise_edit_distance"] is PairwiseEditDistance
    for benchmark in suite.known().values():
        assert isinstance(benchmark(), Benchmark)


def test_benchmarks_are_chosen_by_name():
    assert suite.choose([]) == suite.known()
    assert list(suite.choose(["pairwise_edit_distance"])) == ["pairwise_edit_distance"]
    with pytest.raises(UserError, match="no benchmark 'edit'; the known ones are .*pairwise_edit_distance"):
        suite.choose(["edit"])


def test_both_ways_are_measured_in_turn():
    benchmark = Counted(np.arange(3), np.arange(3))
    timing = suite.measure("counted", benchmark)
    assert benchmark.calls == ["ours", "plain"] * 3
    assert timing.name == "counted" and timing.ours > 0 and timing.plain > 0


def test_ways_that_come_to_different_results_are_not_compared():
    with pytest.raises(RuntimeError, match="counted came to different results"):
        suite.measure("counted", Counted(np.arange(3), np.arange(4)))


def test_ratio_says_how_many_times_faster_ours_is():
    assert TIMINGS[0].ratio == pytest.approx(60)
    assert TIMINGS[1].ratio == 1.5


def test_table_has_a_line_for_each_benchmark():
    header, *lines = suite.table(TIMINGS).splitlines()
    assert header.split() == ["benchmark", "ours", "(s)", "plain", "(s)", "ratio"]
    assert [line.split() for line in lines] == [
        ["pairwise_edit_distance", "0.0250", "1.5000", "60.0"],
        ["step", "2.0000", "3.0000", "1.5"],
    ]
    assert len({len(line) for line in (header, *lines)}) == 1


def test_times_are_written_as_json(tmp_path):
    suite.write(TIMINGS, str(tmp_path / "times.json"))
    assert json.loads((tmp_path / "times.json").read_text()) == [
        {"name": "pairwise_edit_distance", "ours": 0.025, "plain": 1.5, "ratio": pytest.approx(60)},
        {"name": "step", "ours": 2.0, "plain": 3.0, "ratio": 1.5},
    ]


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(UserError, match="--json is .* cannot be written"):
        suite.write(TIMINGS, str(tmp_path / "none" / "times.json"))


def test_the_command_prints_the_table_and_writes_the_times(tmp_path):
    path = tmp_path / "times.json"
    ran = commands.start("benchmark", "--only=pairwise_edit_distance", f"--json={path}")
    assert ran.returncode == 0, ran.stderr
    assert "pairwise_edit_distance" in ran.stdout
    (row,) = json.loads(path.read_text())
    assert row["ratio"] == pytest.approx(row["plain"] / row["ours"])


def test_the_command_tells_an_unknown_name_in_one_sentence():
    ran = commands.start("benchmark", "--only=edit")
    assert ran.returncode == 2
    assert ran.stderr.startswith("Error: There is no benchmark 'edit'")
    assert "Traceback" not in ran.stderr
