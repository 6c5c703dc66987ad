"""The inner training loop."""

import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom.checks import Checked, Count, Index, checked_value
from tf_emcom.data.pipeline import Order, Orders, Pipeline
from tf_emcom.data.source import Examples, require_finite_examples
from tf_emcom.errors import UserError
from tf_emcom.files import checksum
from tf_emcom.runtime.strategies import Distribution
from tf_emcom.training.actions.action import by_setting
from tf_emcom.training.trainee import Metrics, Trainee, Turn
from tf_emcom.types import Batch


class Trainer(Checked, tf.Module):
    """Runs many steps a call, without coming back to Python between them.

    One trace serves a whole run: steps, seeds and schedules are data.
    """

    def __init__(
        self, learner: Trainee, distribution: Distribution, receive: Callable[[Any], Batch] | None = None
    ) -> None:
        """`receive` makes a replica's games of what the pipeline sends, as its feed does; None: it sends games."""
        super().__init__()
        self.learner = learner
        self.distribution = distribution
        self.traces = 0
        self.steps = 0  # done by `train`
        # Out of sight of tf.Module, which would wrap the list.
        self._kept = types.SimpleNamespace(history=[])
        self._content: list[tuple[Any, ...]] = []
        self._batches: Iterator[tuple[tf.Tensor, Any]] | None = None
        self._receive = distribution.compiled(receive) if receive else lambda games: games
        self._gradients = distribution.compiled(learner.gradients)
        self._apply = distribution.compiled(learner.apply)
        self._step = distribution.compiled_whole(self.replica_step)

    def replica_step(self, step: tf.Tensor, sent: Any, row: tf.Tensor) -> Metrics:
        """One turn of a step, integer [], of one replica: the same text for every strategy.

        `sent` is what the feed sends to this replica, by default its games; `row`, int32 [...], is one of the trainee's
        `turns`. The metrics are over the global batch, each [], or [R] for R runs at once.
        """
        batch = self._receive(sent)
        # Candidates are data, so they are gathered as inputs, before the compiled gradients and outside of them.
        candidate_inputs = self.distribution.gather(batch.inputs)
        first_game = self.distribution.replica_id() * batch.inputs.shape[0]
        gradients, metrics = self._gradients(Turn(batch, candidate_inputs, step, first_game, row))
        gradients, metrics = self.distribution.sum((gradients, metrics))
        self._apply(gradients, step, row)
        return metrics

    @property
    def history(self) -> list[dict[str, float]]:
        """What `train` returned so far, each with the `step` after it, as a list for pandas or a plot.

        Where numbers vary between runs, there are the means of each setting, too, such as `accuracy, noise 0.25`.
        """
        return list(self._kept.history)

    def train(
        self, examples: Examples, steps: int, first_step: int | None = None, every: int | None = None
    ) -> dict[str, float]:
        """Trains on examples in memory: all that a notebook needs, without folder, log and checkpoints.

        Another call goes on where the one before stopped: two calls of 50 steps are one call of 100. The order of the
        examples, schedules and all draws go on from `first_step`; None: from the steps that earlier calls did. After
        every `every` steps, and at the end, the means since then become a row of `history`; None: at the end.

        Returns:
          The means of the metrics over these steps, and over the runs where several are trained at once.

        Raises:
          UserError: the examples or the number of steps cannot be used, or a number of theirs is NaN or infinite.
        """
        steps = checked_value("steps", steps, Count)
        first_step = checked_value("first_step", first_step, Index | None)
        every = checked_value("every", every, Count | None) or steps
        checked_value("examples", examples, Examples)
        batches, self._batches = self._batches, None  # Interrupted in the middle, they are of no use any more.
        examples = _as_arrays(examples)
        # Arrays may have been changed in place since the last call.
        arrays = {"": examples.inputs, **examples.labels}
        content = [(name, v.shape, v.dtype.str, _checksum(v)) for name, v in arrays.items()]
        if batches is None or first_step not in (None, self.steps) or content != self._content:
            self.steps = self.steps if first_step is None else first_step
            batches = self._batches_of(examples)
        parts = [self._advanced(batches, min(every, steps - done)) for done in range(0, steps, every)]
        self._batches, self._content = batches, content
        return {name: sum(float(np.mean(part[name])) for part in parts) / steps for name in parts[0]}

    def _advanced(self, batches: Iterator[tuple[tf.Tensor, Any]], steps: int) -> Metrics:
        """The sums of the metrics over some steps, whose means become a row of the history."""
        sums, _ = self.advance(batches, tf.constant(steps))
        self.steps += steps
        means = {name: float(np.mean(value)) / steps for name, value in sums.items()}
        means |= by_setting(self.learner, {name: np.asarray(value) / steps for name, value in sums.items()})
        self._kept.history.append({"step": self.steps, **means})
        return sums

    def _batches_of(self, examples: Examples) -> Iterator[tuple[tf.Tensor, Any]]:
        """The batches from the next step on, of examples as the learner prepares them."""
        learner = self.learner
        require_finite_examples(examples, "Examples given to Trainer.train")
        inputs, labels = examples
        needed = {name: labels[name] for name in learner.labels if name in labels}
        prepared = Examples(*learner.prepare(inputs, needed, "that is trained on"))
        pipeline = Pipeline(prepared, order_for(learner, len(prepared.inputs)), tuple(prepared.labels))
        return pipeline.distributed(self.distribution.strategy, self.steps)

    # Without AutoGraph, which would wrap a user's mistake, found while tracing, in pages of its own.
    @tf.function(autograph=False)
    def advance(
        self, batches: Iterator[tuple[tf.Tensor, Any]], steps: tf.Tensor, watched: bool = False
    ) -> tuple[Metrics, tf.Tensor]:
        """Trains many steps; if `watched`, it ends after the first one with a metric that is not finite.

        Args:
          batches: a distributed iterator of (step, what makes this replica's games).
          steps: int32 [], how many, at least 1.
          watched: whether it may end early.

        Returns:
          The sums of every metric over the steps that were done, each [], or [R] for R runs at once; and their number,
          int32 []. What is not finite in the sums was not finite in the last of these steps.
        """
        self.traces += 1  # Runs while tracing only.

        def is_whole(metrics: Metrics) -> tf.Tensor:
            if not watched:
                return tf.constant(True)
            # One sum, since many small operations would take longer than a small step.
            return tf.reduce_all(tf.math.is_finite(tf.add_n([tf.reduce_sum(v) for v in metrics.values()])))

        def one() -> Metrics:
            step, sent = next(batches)
            return self._turns(step, sent, self.learner.turns(self.distribution.first_replica(step)))

        def body(done: tf.Tensor, totals: Metrics, _: tf.Tensor) -> tuple[tf.Tensor, Metrics, tf.Tensor]:
            metrics = one()
            return done + 1, tf.nest.map_structure(tf.add, totals, metrics), is_whole(metrics)

        first = one()
        loop = (tf.constant(1), first, is_whole(first))
        done, totals, _ = tf.while_loop(
            lambda done, _, whole: (done < steps) & whole, body, loop, parallel_iterations=1
        )
        return totals, done

    @tf.function(autograph=False)
    def teach(self, step: tf.Tensor, sent: Any, turns: tf.Tensor) -> Metrics:
        """Trains given turns, int32 [K, ...], on one batch (this replica's games), and returns their mean metrics."""
        return self._turns(step, sent, turns)

    def _turns(self, step: tf.Tensor, sent: Any, turns: tf.Tensor) -> Metrics:
        count = turns.shape[0]

        def run(number: int | tf.Tensor) -> Metrics:
            metrics = self.distribution.strategy.run(self._step, args=(step, sent, turns[number]))
            return self.distribution.first_replica(metrics)

        def body(number: tf.Tensor, totals: Metrics) -> tuple[tf.Tensor, Metrics]:
            return number + 1, tf.nest.map_structure(tf.add, totals, run(number))

        totals = run(0)
        if count > 1:
            loop = (tf.constant(1), totals)
            totals = tf.while_loop(lambda number, _: number < count, body, loop, parallel_iterations=1)[1]
        return tf.nest.map_structure(lambda total: total / count, totals)


def order_for(learner: Trainee, examples: int) -> Order | Orders:
    """Which examples are played at which step; side by side where there are several runs in one."""
    orders = [Order(examples, learner.batch_size, seed, "train") for seed in learner.seeds()]
    return Orders(orders) if learner.independent else orders[0]


def _checksum(values: np.ndarray) -> int:
    return checksum(np.ascontiguousarray(values).data.cast("B")) if values.size else 0


def _as_arrays(examples: Examples) -> Examples:
    """The examples with arrays where lists or tensors were given; UserError where they do not go together."""
    inputs = checked_value("examples.inputs", examples.inputs, np.ndarray)
    labels = checked_value("examples.labels", examples.labels, Mapping[str, np.ndarray])
    if inputs.dtype.kind not in "fiub":
        kind = inputs.dtype.name
        raise UserError(f"examples.inputs are {kind}, but features are real numbers; convert them to float32.")
    if inputs.ndim != 2:
        raise UserError(f"examples.inputs has the shape {inputs.shape}; give one row of features an example, [N, F].")
    for name, values in labels.items():
        if values.shape[:1] != inputs.shape[:1]:
            raise UserError(
                f"The label {name!r} has the shape {values.shape}, but there are {len(inputs)} examples; give one value"
                " or row an example."
            )
    return Examples(inputs, labels)
