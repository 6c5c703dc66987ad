"""Where the steps of a command run."""

import json
import subprocess

import pytest

from tests import commands
from tests.preloaded import python
from tf_emcom.errors import UserError
from tf_emcom.runtime import catalogue
from tf_emcom.runtime.placement import place, strategies
from tf_emcom.runtime.strategies import Mirrored, OneDevice, check_cluster, cluster_size

TWO = {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}


@pytest.fixture(autouse=True)
def components():
    catalogue.register_components()


def set_cluster(monkeypatch, cluster, **task):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))


def test_every_strategy_has_its_name():
    assert set(strategies()) == {"one_device", "mirrored", "multi_worker", "tpu"}


def test_one_device_is_what_one_device_gets():
    placed = place("auto", None, None, trains=True)
    assert type(placed) is OneDevice
    assert placed.is_chief and placed.largest(7) == 7 and placed.agree(True) and not placed.agree(False)


@pytest.mark.slow
def test_operations_are_divided_as_the_configuration_says(tmp_path):
    script = f"""
import tensorflow as tf
from tf_emcom import cli
cli.run(["gin/nlg_digits.gin"], {["Train.threads_per_operation=1", *commands.TINY]}, {str(tmp_path / "run")!r})
print("threads", tf.config.threading.get_intra_op_parallelism_threads())
"""
    ran = subprocess.run([*python(), "-c", script], cwd=commands.ROOT, capture_output=True, text=True, timeout=300)
    assert ran.stdout.splitlines()[-1] == "threads 1", ran.stderr


def test_threads_are_left_as_they_are_where_tensorflow_runs_already():
    assert type(place("auto", None, None, trains=True, threads=1)) is OneDevice


def test_split_cpus_are_mirrored():
    assert type(place("auto", 2, None, trains=True)) is Mirrored


def test_a_test_runs_in_one_process_even_with_a_cluster(monkeypatch):
    set_cluster(monkeypatch, TWO, type="worker", index=0)
    assert type(place("auto", None, None, trains=False)) is OneDevice
    with pytest.raises(UserError, match="Tests run in one process, .*use --strategy=one_device"):
        place("multi_worker", None, None, trains=False)


def test_a_cluster_of_one_is_none(monkeypatch):
    set_cluster(monkeypatch, {"worker": ["127.0.0.1:1"]}, type="worker", index=0)
    assert type(place("auto", None, None, trains=True)) is OneDevice


def test_a_cluster_is_counted_without_its_evaluator(monkeypatch):
    set_cluster(monkeypatch, {"chief": ["a:1"], **TWO, "evaluator": ["b:1"]}, type="worker", index=0)
    assert cluster_size() == 3
    check_cluster()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", r"--strategy=multi_worker needs \$TF_CONFIG, which names all processes"),
        ("{", r"\$TF_CONFIG is '\{', which cannot be read"),
        ("[1]", r"\$TF_CONFIG is '\[1\]', which cannot be read"),
        ("nonsense", r"\$TF_CONFIG is 'nonsense', which cannot be read"),
        ("[" * 100_000, r"\$TF_CONFIG is '\[+', which cannot be read"),
        ("7", "it is no object"),
        ('{"cluster": 5}', "its cluster is no object"),
        ('{"cluster": null}', "its cluster is no object"),
        ('{"cluster": {"worker": "abc"}}', "worker is no list of addresses with ports"),
        ('{"cluster": {"worker": [1, 2]}}', "worker is no list of addresses with ports"),
        ('{"cluster": {"worker": ["a:1", "b"]}}', "worker is no list of addresses with ports"),
        ('{"cluster": {"worker": ["a:1", "a:1"]}}', "it has an address twice"),
        (json.dumps({"cluster": TWO, "task": 5}), "its task is no object"),
        (json.dumps({"cluster": TWO, "task": {"type": [], "index": 0}}), r"this process is \[\] 0, but"),
        (json.dumps({"cluster": TWO, "task": {"type": "worker", "index": True}}), "'worker' True, but"),
        (json.dumps({"cluster": TWO, "task": {"type": "worker", "index": "0"}}), "'worker' '0', but"),
        (json.dumps({"cluster": TWO}), "says that this process is None None, but its cluster has worker 0 to 1"),
        (json.dumps({"cluster": TWO, "task": {"type": "worker", "index": 2}}), "'worker' 2, but .* worker 0 to 1"),
        (json.dumps({"cluster": TWO, "task": {"type": "chief", "index": 0}}), "'chief' 0, but .* worker 0 to 1"),
        (json.dumps({"cluster": {**TWO, "ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}), "is a ps, but only"),
    ],
)
def test_an_error_about_the_cluster_is_one_sentence(monkeypatch, given, said):
    monkeypatch.setenv("TF_CONFIG", given)
    with pytest.raises(UserError, match=said):
        place("multi_worker", None, None, trains=True)


@pytest.mark.parametrize("given", ["{", "7", '{"cluster": 5}', '{"cluster": {"worker": "abc"}}'])
def test_nonsense_about_a_cluster_is_an_error_only_where_it_matters(monkeypatch, given):
    monkeypatch.setenv("TF_CONFIG", given)
    with pytest.raises(UserError, match=r"\$TF_CONFIG is .*or unset it"):
        place("auto", None, None, trains=True)
    assert type(place("one_device", None, None, trains=True)) is OneDevice
    assert type(place("auto", None, None, trains=False)) is OneDevice


def test_a_missing_tpu_gets_one_sentence():
    with pytest.raises(UserError, match="no TPU 'local' that can be used from here .*tpu=local, with tf_emcom"):
        place("tpu", None, None, trains=True)


def test_a_tpu_and_another_strategy_contradict_each_other():
    with pytest.raises(UserError, match="--tpu is pod, but --strategy is mirrored; leave one of them out"):
        place("mirrored", None, "pod", trains=True)


def test_an_unknown_strategy_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match="There is no strategy 'multi-worker'.*multi_worker"):
        place("multi-worker", None, None, trains=True)
