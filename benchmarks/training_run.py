"""Training runs with the configurations of gin/, on random features, prepared for being measured."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from benchmarks.measurement import operations_of_product, repeats_for, times_in_turn
from tf_emcom.data.feeds import made_feed
from tf_emcom.data.pipeline import Order, Orders, Pipeline
from tf_emcom.data.source import Examples
from tf_emcom.runtime import catalogue, config
from tf_emcom.runtime.config import build
from tf_emcom.training.actions.action import games_per_step
from tf_emcom.training.experiment import Experiment
from tf_emcom.training.trainee import Turn
from tf_emcom.training.trainer import Trainer
from tf_emcom.types import Batch

# Gin's bindings for agents as small as those of gin/agents/small.gin.
SMALL = (
    *("RandomFeatures.features=64", "speaker/LstmCore.units=64", "listener/LstmCore.units=128"),
    *("Cpc.size=64", "NormMergePolicyValue.size=64"),
)
SIZES = {"full": (), "small": SMALL}
_GIN = Path(__file__).parents[1] / "gin"
_PRODUCTS = ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")

Name = TypeVar("Name")


class TrainingRun:
    """A training run that continues from call to call; the first call traces and compiles."""

    def __init__(self, game: str, bindings: Sequence[str]) -> None:
        """Builds agents and data; the arguments and errors are those of `build_experiment`."""
        self.experiment = build_experiment(game, bindings)
        learner, self._distribution = self.experiment.learner, self.experiment.distribution
        strategy = self._distribution.strategy
        examples = self.experiment.data.load("train", learner.labels)
        examples = Examples(*learner.prepare(examples.inputs, examples.labels, self.experiment.data.name))
        orders = [Order(len(examples.inputs), learner.batch_size, seed, "train") for seed in learner.seeds()]
        feed = made_feed(strategy, examples, tuple(examples.labels))
        self._pipeline = Pipeline(examples, Orders(orders) if learner.independent else orders[0], feed=feed)
        if self.experiment.may_choose_compiler:
            self._distribution.jit_compile = self.experiment.compiler_choice(self._pipeline).jit_compile
        self._batches = self._pipeline.distributed(strategy, 0, self._distribution.input_options)
        self._trainer = Trainer(learner, self._distribution, feed.receive)

    @property
    def games_per_step(self) -> int:
        """The games that all pairs together play in a step."""
        return games_per_step(self.experiment.learner)

    @property
    def compute_dtype(self) -> str:
        """The type of the numbers in its matrix products."""
        return self.experiment.learner.speaker_as(0).compute_dtype

    def advance(self, steps: int) -> None:
        """Trains some steps in one call of the inner loop, fed by the pipeline, and waits for the last one."""
        sums, _ = self._trainer.advance(self._batches, tf.constant(steps))
        float(np.sum(sums["loss"].numpy()))

    def repeat(self, steps: int) -> None:
        """Trains some steps on one batch that is in memory already, in one call without the pipeline."""
        step, batch = self._fixed
        turns = tf.repeat(self.experiment.learner.turns(step), steps, axis=0)
        means = self._fixed_trainer.teach(step, batch, turns)
        float(np.sum(means["loss"].numpy()))

    def operations_per_game(self) -> float:
        """The operations of the matrix products of one game and of learning from it; traces the step once more."""
        learner = self.experiment.learner
        step, batch = self._fixed
        turn = Turn(batch, batch.inputs, step, tf.constant(0), learner.turns(step)[0])
        specs = tf.nest.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), turn)
        traced = tf.function(learner.gradients, autograph=False).get_concrete_function(specs)
        return operations_of_products(traced.graph) / (learner.batch_size * len(learner.seeds()))

    @functools.cached_property
    def _fixed(self) -> tuple[tf.Tensor, Batch]:
        return self._pipeline.at(self._distribution.strategy, 0)

    @functools.cached_property
    def _fixed_trainer(self) -> Trainer:
        """Trains the same agents on whole batches, so that no feed is needed."""
        return Trainer(self.experiment.learner, self._distribution)


def build_experiment(game: str, bindings: Sequence[str]) -> Experiment:
    """Builds what gin/<game>_imagenet.gin describes, on random features in place of ImageNet's.

    Args:
      game: `lg_s`, `lg_rl`, `nlg`, or any other game with such a file.
      bindings: gin's `name=value`, which come last.

    Raises:
      UserError: a binding cannot be used with these files.
    """
    catalogue.register_components()
    config.load([str(_GIN / f"{game}_imagenet.gin")], ["data=@RandomFeatures()", *bindings])
    with config.plain_errors():
        return build("Experiment", build("OneDevice"))


def seconds_per_step(
    runs: Mapping[Name, TrainingRun], rounds: int, others: Mapping[Any, Callable[[], object]]
) -> dict[Name, list[float]]:
    """The seconds of a step of each run, measured in turn with other calls.

    Args:
      runs: what is measured; each measurement is one call that lasts at least 0.3 s.
      rounds: how often.
      others: what is called once a round besides.
    """
    for run in runs.values():
        run.advance(2)  # Traced and compiled before anything is timed.
    steps = {name: repeats_for(run.advance) for name, run in runs.items()}
    calls = {name: functools.partial(run.advance, steps[name]) for name, run in runs.items()}
    times = times_in_turn({**calls, **others}, rounds)
    return {name: [seconds / steps[name] for seconds in times[name]] for name in runs}


def operations_of_products(graph: tf.Graph) -> int:
    """The operations of all matrix products that a function's results need.

    A multiplication and an addition count as two. Everything else is left out: it is few operations, whatever time it
    takes. The body of a loop counts once.

    Args:
      graph: of a `ConcreteFunction`, all shapes static.
    """
    return sum(_operations(product) for product in _needed(graph) if product.type in _PRODUCTS)


def _needed(graph: tf.Graph) -> list[tf.Operation]:
    """The operations that results or side effects depend on; TensorFlow removes all others before it runs a graph."""
    left = [output.op for output in graph.outputs] + list(graph.control_outputs)
    seen: dict[str, tf.Operation] = {}
    while left:
        found = left.pop()
        if found.name not in seen:
            seen[found.name] = found
            left += [tensor.op for tensor in found.inputs] + list(found.control_inputs)
    return list(seen.values())


def _operations(product: tf.Operation) -> int:
    transposed = product.get_attr("transpose_a" if product.type == "MatMul" else "adj_x")
    inner = product.inputs[0].shape[-2 if transposed else -1]
    *batch, rows, columns = product.outputs[0].shape
    return math.prod(batch) * operations_of_product(rows, inner, columns)
