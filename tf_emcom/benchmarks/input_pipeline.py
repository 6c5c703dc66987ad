"""Speed of the input pipeline."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom.benchmarks.conditions import Conditions
from tf_emcom.benchmarks.measurement import Measurement
from tf_emcom.benchmarks.table import Table
from tf_emcom.benchmarks.timing import timed
from tf_emcom.data.feeds import Feed, HostFeed, ResidentFeed
from tf_emcom.data.generated import RandomFeatures
from tf_emcom.data.pipeline import Order, Pipeline
from tf_emcom.data.source import Examples

_ROUNDS = 3
_BUFFER = 32_768
# Batches that a pipeline may have ready, at most.
_AHEAD = 8


class InputPipeline(Measurement):
    """Examples a second that reach a compiled loop, beside the usual pipeline: repeat, shuffle single examples, batch.

    Nothing is computed from them, so neither waits for a step; the bindings have no say in it.
    """

    def __init__(
        self,
        examples: int = 49_152,
        features: int = 2048,
        batch_sizes: tuple[int, ...] = (64, 1024),
        buffer: int = _BUFFER,
        rounds: int = _ROUNDS,
        shortest: float = 0.3,
    ) -> None:
        """`buffer`: of the usual pipeline's shuffling; `shortest`: seconds that a timed call lasts at least."""
        self._examples, self._features, self._batch_sizes = examples, features, batch_sizes
        self._buffer, self._rounds, self._shortest = buffer, rounds, shortest

    def measure(self, conditions: Conditions) -> Table:
        """One row a batch size and pipeline."""
        inputs = RandomFeatures(self._examples, self._features).load("train", ()).inputs
        rows = []
        for size in self._batch_sizes:
            usual = iter(_usual(inputs, size, min(self._buffer, len(inputs))))
            takes = {
                "resident": _fed(ResidentFeed, inputs, size),
                "gathered": _fed(HostFeed, inputs, size),
                "usual": _taker(lambda usual=usual: next(usual)),
            }
            rows += self._rows(size, takes)
        numbers = {
            "examples/s": f"of {self._features} float32 features out of {self._examples:,} examples in memory, by the"
            f" shortest of {self._rounds} times in turn, each of at least {self._shortest} s and {_AHEAD} batches, once"
            " what was fetched ahead is used up",
            "ms/batch": "by the same; resident: gathered in the step by ResidentFeed, gathered: beside it by HostFeed",
            "MB/s": "what that is in bytes",
        }
        return Table("Input pipeline", ("batch", "pipeline"), numbers, rows, ("examples/s",))

    def _rows(self, size: int, takes: dict[str, Callable[[int], None]]) -> list[dict[str, Any]]:
        for take in takes.values():
            take(1)
        needed = {name: _AHEAD * self._shortest / unaided(take, _AHEAD) for name, take in takes.items()}
        batches = {name: max(_AHEAD, math.ceil(number)) for name, number in needed.items()}
        seconds: dict[str, list[float]] = {name: [] for name in takes}
        for _ in range(self._rounds):
            for name, take in takes.items():
                seconds[name].append(unaided(take, batches[name]) / batches[name])
        return [
            {
                "batch": size,
                "pipeline": name,
                "examples/s": size / min(each),
                "ms/batch": 1e3 * min(each),
                "MB/s": 4 * self._features * size / min(each) / 1e6,
            }
            for name, each in seconds.items()
        ]


def unaided(take: Callable[[int], object], batches: int) -> float:
    """The seconds that so many batches take, without those that were fetched ahead while something else was timed."""
    take(2 * _AHEAD)
    return timed(lambda: take(batches))


def _fed(feed_cls: type[Feed], inputs: np.ndarray, batch_size: int) -> Callable[[int], None]:
    """Takes batches as a run on one device does."""
    strategy = tf.distribute.get_strategy()
    examples = Examples(inputs, {})
    feed = feed_cls(examples)
    order = Order(len(inputs), batch_size, 0, "train")
    batches = Pipeline(examples, order, feed=feed).distributed(strategy, 0)
    return _taker(lambda: feed.receive(next(batches)[1]).inputs)


def _usual(inputs: np.ndarray, batch_size: int, buffer: int) -> tf.data.Dataset:
    """Single examples in order, repeated, shuffled in a buffer, put together and fetched ahead."""

    def examples() -> Iterator[np.ndarray]:
        yield from inputs

    dataset = tf.data.Dataset.from_generator(examples, output_signature=tf.TensorSpec(inputs.shape[1:], tf.float32))
    return dataset.repeat().shuffle(buffer, seed=0).batch(batch_size, drop_remainder=True).prefetch(_AHEAD)


def _taker(take: Callable[[], tf.Tensor]) -> Callable[[int], None]:
    """What takes so many batches in one call of a compiled loop."""

    @tf.function(autograph=False)
    def loop(batches: tf.Tensor) -> tf.Tensor:
        def body(done: tf.Tensor, seen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # One number of each batch is looked at, or none would have to be there.
            return done + 1, seen + take()[0, 0]

        start = (tf.constant(0), tf.constant(0.0))
        return tf.while_loop(lambda done, _: done < batches, body, start, parallel_iterations=1)[1]

    return lambda batches: float(loop(tf.constant(batches)))
