"""Time that the host takes: what training spends outside its steps, and the input pipeline alone."""

import contextlib
import functools
import io
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from benchmarks.measurement import Conditions, Measurement, repeats_for, time_of, times_in_turn
from benchmarks.report import Table
from benchmarks.training_run import TrainingRun, build_experiment
from tf_emcom.data.feeds import Feed, HostFeed, ResidentFeed
from tf_emcom.data.generated import RandomFeatures
from tf_emcom.data.pipeline import Order, Pipeline
from tf_emcom.data.source import Examples
from tf_emcom.runtime.config import build
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training.actions.action import Action, TrainingState
from tf_emcom.training.actions.checkpoint import Checkpoint
from tf_emcom.training.actions.logs import Log, Progress, StopOnNan
from tf_emcom.training.actions.tensor_board import TensorBoard

_GAME = "lg_s"
# The default of `Train`.
_STEPS_PER_CALL = 100
# How many batches a pipeline may prepare in advance.
_AHEAD = 8


class Times(NamedTuple):
    """Measured seconds of one configuration."""

    pure: float  # a step on a fixed batch
    fed: float  # a step fed by the pipeline
    one: float  # a call of one step
    between: float  # from one call to the next
    checkpoint: float  # the same where a checkpoint is saved

    def row(self, steps_per_call: int) -> dict[str, float]:
        """The columns, for calls of so many steps."""
        call = max(self.one - self.fed, 0.0)
        whole = steps_per_call * self.fed + call + self.between
        return {
            "pure ms": 1e3 * self.pure,
            "fed ms": 1e3 * self.fed,
            "wait %": 100 * (self.fed - self.pure) / self.fed,
            "call ms": 1e3 * call,
            "between ms": 1e3 * self.between,
            "checkpoint ms": 1e3 * self.checkpoint,
            "outside %": 100 * (whole - steps_per_call * self.pure) / whole,
        }


class HostTime(Measurement):
    """Time outside the steps, by comparison with pure steps.

    A pure step trains on one batch that is in memory already, in a loop of the same length.
    """

    name = "host_time"
    description = (
        "What training spends outside its steps: on waiting for data, on a call of the inner loop, and between calls."
    )

    def __init__(self, batch_sizes: Sequence[int] = (64, 1024), rounds: int = 7, calls: int = 5) -> None:
        """`calls`: how many calls of the inner loop the time between calls is the median of."""
        self._batch_sizes, self._rounds, self._calls = batch_sizes, rounds, calls

    def measure(self, conditions: Conditions) -> Table:
        """One row for each batch size, of LG (S)."""
        rows = [self._row(size, conditions) for size in self._batch_sizes]
        numbers = {
            "pure ms": f"a step on one fixed batch, the shortest of {self._rounds} times in turn",
            "fed ms": "a step fed by the pipeline, the shortest of the same",
            "wait %": "the fed step's share that is not the pure one: waiting for data; about 0 may be negative",
            "call ms": "what a call of one step takes more than a step in a long call, 0 where the noise is larger",
            "between ms": "from one call to the next in a real run, median: stopping on NaN, logging, curves for"
            " TensorBoard and progress",
            "checkpoint ms": "the same where a checkpoint falls due",
            "outside %": f"the share of waiting, call and between in calls of {_STEPS_PER_CALL} steps",
        }
        return Table("Time outside the step", ("game", "batch"), numbers, rows, ("fed ms", "outside %"))

    def _row(self, size: int, conditions: Conditions) -> dict[str, Any]:
        bindings = [*conditions.bindings, f"batch_size={size}"]
        run = TrainingRun(_GAME, bindings)
        run.advance(2)
        steps = max(2, repeats_for(run.advance))
        run.repeat(steps)
        calls = {
            "pure": functools.partial(run.repeat, steps),
            "fed": functools.partial(run.advance, steps),
            "one": functools.partial(run.advance, 1),
        }
        best = {name: min(times) for name, times in times_in_turn(calls, self._rounds).items()}
        times = Times(best["pure"] / steps, best["fed"] / steps, best["one"], *self._between(bindings))
        return {"game": _GAME, "batch": size, **times.row(_STEPS_PER_CALL)}

    def _between(self, bindings: list[str]) -> tuple[float, float]:
        """Seconds between two calls, without and with a checkpoint, in a training run of calls of one step."""
        experiment = build_experiment(_GAME, [*bindings, f"steps={self._calls + 1}", "Train.steps_per_call=1"])
        first, last = _Clock(), _Clock()
        # Only the last step saves a checkpoint.
        actions = [first, StopOnNan(), Log(1), TensorBoard(10**9), Checkpoint(10**9), Progress(), last]
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            build("Train", actions).run(experiment, RunFolder(folder))
        spans = [done - returned for returned, done in zip(first.returned, last.done, strict=True)]
        return statistics.median(spans[:-1]), spans[-1]


class _Clock(Action):
    """Records when a call of the inner loop has returned, and when the actions before this one are done."""

    def __init__(self) -> None:
        self.returned: list[float] = []
        self.done: list[float] = []

    def see(self, training: TrainingState, sums: dict[str, np.ndarray], steps: int) -> None:
        """Called before any action acts."""
        self.returned.append(time.perf_counter())

    def act(self, training: TrainingState) -> None:
        """Called after the actions before this one have acted."""
        self.done.append(time.perf_counter())


class InputPipeline(Measurement):
    """Examples are only delivered: nothing is computed from them, so no pipeline waits for a step.

    The user's bindings have no effect.
    """

    name = "input_pipeline"
    description = (
        "Examples a second that reach a compiled loop, beside the usual pipeline: repeat, shuffle single examples,"
        " batch."
    )

    def __init__(
        self,
        examples: int = 49_152,
        features: int = 2048,
        batch_sizes: Sequence[int] = (64, 1024),
        buffer: int = 32_768,
        rounds: int = 3,
        shortest: float = 0.3,
    ) -> None:
        """`buffer`: examples in the usual pipeline's shuffle; `shortest`: seconds that a timed call lasts at least."""
        self._examples, self._features, self._batch_sizes = examples, features, batch_sizes
        self._buffer, self._rounds, self._shortest = buffer, rounds, shortest

    def measure(self, conditions: Conditions) -> Table:
        """One row for each batch size and pipeline."""
        inputs = RandomFeatures(self._examples, self._features).load("train", ()).inputs
        rows = []
        for size in self._batch_sizes:
            usual = iter(_usual(inputs, size, min(self._buffer, len(inputs))))
            pipelines = {
                "resident": _fed(ResidentFeed, inputs, size),
                "gathered": _fed(HostFeed, inputs, size),
                "usual": _loop(functools.partial(next, usual)),
            }
            rows += self._rows(size, pipelines)
        numbers = {
            "examples/s": f"of {self._features} float32 features out of {self._examples:,} examples in memory, by the"
            f" shortest of {self._rounds} times in turn, each of at least {self._shortest} s and {_AHEAD} batches, once"
            " what was fetched ahead is used up",
            "ms/batch": "by the same; resident: gathered in the step by ResidentFeed, gathered: beside it by HostFeed",
            "MB/s": "what that is in bytes",
        }
        return Table("Input pipeline", ("batch", "pipeline"), numbers, rows, ("examples/s",))

    def _rows(self, size: int, pipelines: dict[str, Callable[[int], object]]) -> list[dict[str, Any]]:
        for take in pipelines.values():
            take(1)
        needed = {name: _AHEAD * self._shortest / steady_time(take, _AHEAD) for name, take in pipelines.items()}
        batches = {name: max(_AHEAD, math.ceil(number)) for name, number in needed.items()}
        seconds: dict[str, list[float]] = {name: [] for name in pipelines}
        for _ in range(self._rounds):
            for name, take in pipelines.items():
                seconds[name].append(steady_time(take, batches[name]) / batches[name])
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


def steady_time(take: Callable[[int], object], batches: int) -> float:
    """The seconds that `take(batches)` needs after the batches that were prepared in advance are used up."""
    take(2 * _AHEAD)
    return time_of(lambda: take(batches))


def _fed(feed_cls: type[Feed], inputs: np.ndarray, batch_size: int) -> Callable[[int], object]:
    """Takes batches as a run on one device does."""
    examples = Examples(inputs, {})
    feed = feed_cls(examples)
    pipeline = Pipeline(examples, Order(len(inputs), batch_size, 0, "train"), feed=feed)
    batches = pipeline.distributed(tf.distribute.get_strategy(), 0)
    return _loop(lambda: feed.receive(next(batches)[1]).inputs)


def _usual(inputs: np.ndarray, batch_size: int, buffer: int) -> tf.data.Dataset:
    """The usual pipeline: single examples in order, repeated, shuffled in a buffer, batched and prefetched."""

    def examples() -> Iterator[np.ndarray]:
        yield from inputs

    dataset = tf.data.Dataset.from_generator(examples, output_signature=tf.TensorSpec(inputs.shape[1:], tf.float32))
    return dataset.repeat().shuffle(buffer, seed=0).batch(batch_size, drop_remainder=True).prefetch(_AHEAD)


def _loop(next_batch: Callable[[], tf.Tensor]) -> Callable[[int], object]:
    """A function of a number n, which takes n batches in a compiled loop."""

    @tf.function(autograph=False)
    def loop(batches: tf.Tensor) -> tf.Tensor:
        def body(done: tf.Tensor, seen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # One number of each batch is read, or TensorFlow would not have to fetch any.
            return done + 1, seen + next_batch()[0, 0]

        start = (tf.constant(0), tf.constant(0.0))
        return tf.while_loop(lambda done, _: done < batches, body, start, parallel_iterations=1)[1]

    return lambda batches: float(loop(tf.constant(batches)))
