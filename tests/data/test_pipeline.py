import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.data.pipeline import Order, Pipeline
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError

N = 20
EXAMPLES = Examples(
    np.arange(2 * N, dtype=np.float32).reshape(N, 2),
    {"label": np.arange(N, dtype=np.int64) * 10, "unused": np.arange(N)},
)


def order(batch_size=6):
    return Order(N, batch_size, 0, "train")


def pipeline(batch_size=6, labels=()):
    return Pipeline(EXAMPLES, order(batch_size), labels)


def elements(dataset, count):
    return [(int(step), batch.inputs.numpy()) for step, batch in itertools.islice(dataset, count)]


def test_batches_are_those_of_the_order():
    for i, (step, inputs) in enumerate(elements(pipeline().dataset(0), 8)):
        assert step == i
        np.testing.assert_array_equal(inputs, EXAMPLES.inputs[order().indices(i)])


@pytest.mark.parametrize("replicas", [2, 3])
def test_replicas_get_successive_slices_of_the_global_batch(replicas):
    found = elements(pipeline().dataset(0, replicas=replicas), 4 * replicas)
    assert [step for step, _ in found] == [step for step in range(4) for _ in range(replicas)]
    for step in range(4):
        together = np.concatenate([inputs for s, inputs in found if s == step])
        np.testing.assert_array_equal(together, EXAMPLES.inputs[order().indices(step)])


def test_pipelines_feed_their_own_replicas():
    # Two machines with two replicas each.
    both = [elements(pipeline(8).dataset(0, replicas=4, pipelines=2, pipeline=p), 4) for p in (0, 1)]
    assert [step for step, _ in both[1]] == [0, 0, 1, 1]
    for step in range(2):
        together = np.concatenate([inputs for found in both for s, inputs in found if s == step])
        np.testing.assert_array_equal(together, EXAMPLES.inputs[order(8).indices(step)])


@pytest.mark.parametrize("first_step", [5, 254])
def test_starting_late_is_the_same_as_skipping(first_step):
    late = elements(pipeline().dataset(first_step), 5)
    skipped = elements(pipeline().dataset(0).skip(first_step), 5)
    assert [step for step, _ in late] == list(range(first_step, first_step + 5))
    np.testing.assert_array_equal([inputs for _, inputs in late], [inputs for _, inputs in skipped])


@pytest.mark.slow
def test_looking_steps_up_leaves_no_memory_behind(resident_megabytes):
    def look_up(steps):
        for step in steps:
            pipeline().at(tf.distribute.get_strategy(), step)
        return resident_megabytes()

    # Far from any number that other tests have turned into a tensor.
    begin = look_up(range(10**9, 10**9 + 1_000))
    # 8 MB where TensorFlow keeps every step that there ever was.
    assert look_up(range(2 * 10**9, 2 * 10**9 + 10_000)) - begin < 4


def test_named_labels_travel_with_their_inputs():
    _, batch = next(iter(pipeline(labels=["label"]).dataset(0)))
    assert set(batch.labels) == {"label"}
    np.testing.assert_array_equal(batch.labels["label"], batch.inputs[:, 0] * 5)
    assert batch.labels["label"].dtype == tf.int64


def test_shapes_are_static():
    step, batch = pipeline().dataset(0, replicas=2).element_spec
    assert (step.shape, step.dtype) == ((), tf.int64)
    assert batch.inputs.shape == (3, 2)


def test_mirrored_replicas_share_each_step():
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    iterator = pipeline().distributed(strategy, first_step=7)
    for expected in range(7, 10):
        step, batch = next(iterator)
        assert [int(s) for s in strategy.experimental_local_results(step)] == [expected] * 2
        together = np.concatenate(strategy.experimental_local_results(batch.inputs))
        np.testing.assert_array_equal(together, EXAMPLES.inputs[order().indices(expected)])


def test_batch_that_cannot_be_shared_evenly_is_refused():
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with pytest.raises(UserError, match="multiple of 2"):
        pipeline(5).distributed(strategy, 0)
