"""Whatever the feed, replicas play the same games to the last bit."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.data.feeds import HostFeed, ResidentFeed, suitable_feed
from tf_emcom.data.pipeline import Order, Orders, Pipeline
from tf_emcom.data.source import Examples
from tf_emcom.runtime.strategies import Mirrored, OneDevice

N = 40
LABELS = ("label", "image")
TYPES = {"float32": np.float32, "float16": np.float16, "bfloat16": tf.bfloat16.as_numpy_dtype}
PLACES = {
    "graph": lambda: OneDevice(jit_compile=False),
    "xla": lambda: OneDevice(jit_compile=True),
    "two replicas": lambda: Mirrored(jit_compile=False),
    "two replicas, xla": lambda: Mirrored(jit_compile=True),
}


def examples(dtype=np.float32):
    generator = np.random.default_rng(0)
    return Examples(
        generator.standard_normal((N, 6)).astype(np.float32).astype(dtype),
        {
            "label": generator.integers(0, 9, N, np.int32),
            "image": generator.integers(0, 256, (N, 2, 2, 3), np.uint8),
            "unused": np.array([b"a"] * N, object),
        },
    )


def order(independent=False):
    orders = [Order(N, 8, seed, "train") for seed in range(3)]
    return Orders(orders) if independent else orders[0]


def expected(data, rows):
    return [data.inputs[rows].astype(np.float32), *(data.labels[name][rows] for name in LABELS)]


def received(place, pipeline, first_step, steps):
    """What replicas make of successive steps, in the order of replicas: inputs, label, image of each step."""
    piece = place.compiled(pipeline.feed.receive)
    receive = place.compiled_whole(lambda games: piece(games))
    run = tf.function(lambda games: place.strategy.run(receive, args=(games,)), autograph=False)
    for number, games in itertools.islice(pipeline.distributed(place.strategy, first_step), steps):
        batch = run(games)
        local = [place.strategy.experimental_local_results(v) for v in (batch.inputs, *map(batch.labels.get, LABELS))]
        yield int(place.first_replica(number)), [np.concatenate([part.numpy() for part in parts]) for parts in local]


def fed_by(feed_cls, place, data):
    with place.strategy.scope():
        return feed_cls(data, LABELS)


@pytest.mark.parametrize("independent", [False, True], ids=["one run", "three runs"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("feed_cls", [HostFeed, ResidentFeed], ids=["host", "resident"])
def test_replicas_receive_the_examples_of_the_order_bit_for_bit(feed_cls, place, independent):
    data, placed = examples(), PLACES[place]()
    pipeline = Pipeline(data, order(independent), feed=fed_by(feed_cls, placed, data))
    for number, found in received(placed, pipeline, 3, 4):
        for ours, theirs in zip(found, expected(data, order(independent).indices(number)), strict=True):
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("place", ["graph", "xla", "two replicas, xla"])
@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize("feed_cls", [HostFeed, ResidentFeed], ids=["host", "resident"])
def test_halves_become_float32_without_another_rounding(feed_cls, name, place):
    data, placed = examples(TYPES[name]), PLACES[place]()
    pipeline = Pipeline(data, order(), feed=fed_by(feed_cls, placed, data))
    for number, found in received(placed, pipeline, 0, 2):
        assert found[0].dtype == np.float32
        np.testing.assert_array_equal(found[0], expected(data, order().indices(number))[0])


@pytest.mark.parametrize("name", TYPES)
def test_halves_travel_as_halves(name):
    data = examples(TYPES[name])
    _, sent = next(iter(Pipeline(data, order(), LABELS).dataset(0)))
    assert sent.inputs.dtype == tf.as_dtype(name)


def test_only_rows_travel_to_resident_examples():
    data = examples()
    step, rows = next(iter(Pipeline(data, order(), feed=ResidentFeed(data)).dataset(5)))
    assert (int(step), rows.dtype, rows.shape) == (5, tf.int32, (8,))
    np.testing.assert_array_equal(rows, order().indices(5))


@pytest.mark.parametrize("feed_cls", [HostFeed, ResidentFeed], ids=["host", "resident"])
@pytest.mark.parametrize("pipelines", [1, 2, 4])
def test_however_many_machines_gather_the_global_batch_is_the_same(feed_cls, pipelines):
    data = examples()
    whole = Pipeline(data, order(), feed=feed_cls(data, LABELS))
    replicas = 4
    parts = [whole.dataset(7, replicas, pipelines, p).take(2 * replicas // pipelines) for p in range(pipelines)]
    elements = [(int(step), whole.feed.receive(sent)) for part in parts for step, sent in part]
    for number in (7, 8):
        games = [batch for step, batch in elements if step == number]
        assert len(games) == replicas
        together = np.concatenate([batch.inputs for batch in games])
        np.testing.assert_array_equal(together, data.inputs[order().indices(number)])


@pytest.mark.parametrize("feed_cls", [HostFeed, ResidentFeed], ids=["host", "resident"])
@pytest.mark.parametrize("place", ["graph", "two replicas"])
def test_one_step_can_be_asked_for_as_games(feed_cls, place):
    data, placed = examples(TYPES["float16"]), PLACES[place]()
    pipeline = Pipeline(data, order(), feed=fed_by(feed_cls, placed, data))
    step, batch = pipeline.at(placed.strategy, 11)
    inputs = np.concatenate([part.numpy() for part in placed.strategy.experimental_local_results(batch.inputs)])
    assert int(step) == 11
    np.testing.assert_array_equal(inputs, expected(data, order().indices(11))[0])


def test_examples_in_memory_stay_there_and_mapped_files_are_left_to_the_host(tmp_path):
    data = examples()
    data.inputs.tofile(tmp_path / "inputs")
    mapped = data._replace(inputs=np.memmap(tmp_path / "inputs", np.float32, "r", shape=(N, 6)))
    for place in ("graph", "two replicas"):
        strategy = PLACES[place]().strategy
        assert suitable_feed(strategy, data, LABELS) is ResidentFeed
        assert suitable_feed(strategy, mapped, LABELS) is HostFeed
        assert suitable_feed(strategy, data, ("unused",)) is HostFeed
